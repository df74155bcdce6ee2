"""`python -m zfkeras.predict`: what a trained network sees in photographs."""

import dataclasses
import sys
from pathlib import Path

from zfkeras.cli import settings
from zfkeras.cli.command import Command, make_folder
from zfkeras.records import setting

# Photographs in the picture; the JSON holds all.
PICTURED = 40
# The longer side of one, in pixels.
_DRAWN = 256


@dataclasses.dataclass(frozen=True, kw_only=True)
class PredictSettings(settings.ModelSettings):
    """A network, and the photographs."""

    images: tuple[str, ...] = setting(
        flag="images",
        nargs="+",
        metavar="IMAGE",
        help="files, or folders whose files are taken",
    )
    top: int = settings.a_count(5, "answers for each photograph, most probable first")
    ten_crop: bool = settings.ten_crop()
    batch_size: int = settings.batch_size(64)
    workdir: Path | None = settings.a_folder(
        "folder for predictions.json and .png; without it, only printed"
    )


def predict(settings: PredictSettings) -> None:
    """Prints what photographs show, and writes it if there is a workdir."""
    from zfkeras.data.files.image_paths import image_paths
    from zfkeras.io.terminal import one_line
    from zfkeras.passes.context import Context

    files = image_paths(settings.images)
    classifier = Context().classifier(settings.model, settings)
    if settings.workdir is not None:
        make_folder(settings.workdir)
    answers, left_out = _answers(files, classifier, settings)
    for answer in answers:
        print(one_line(answer["file"]))
        for one in answer["answers"]:
            mark = "*" if one["name"] == answer["class_name"] else " "
            print(
                f"  {mark} {100 * one['probability']:5.1f} %  {one_line(one['name'])}"
            )
    known = [answer for answer in answers if answer["class_name"] is not None]
    if known:
        print(_summary(known))
    if left_out:
        print(f"left out: {len(left_out)} of {len(files)} files that cannot be read")
    if settings.workdir is not None:
        _write(settings, answers, left_out)


def _answers(files, classifier, settings) -> tuple[list[dict], dict[str, str]]:
    """Returns answers for the files that can be read; the others with reasons."""
    import logging

    import numpy as np
    from tqdm import tqdm

    from zfkeras.data.files.bad_images import BadImage
    from zfkeras.data.files.decoding import read_image
    from zfkeras.errors import RunError

    readable, left_out = [], {}

    def pictures():
        for file in tqdm(files, unit=" images", disable=len(files) < 100):
            try:
                picture = read_image(file, classifier.preprocessing.image_size)
            except (BadImage, OSError) as err:
                left_out[str(file)] = str(err)
                logging.getLogger(__name__).warning("left out: %s", err)
                continue
            readable.append(file)
            yield picture

    probabilities = classifier.predict(
        pictures(), ten_crop=settings.ten_crop, batch_size=settings.batch_size
    )
    if not readable:
        raise RunError("none of the files could be read as an image")
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, : settings.top]
    answers = [
        {
            "file": str(file),
            "class_name": _true_name(file, classifier.class_names),
            "answers": [
                {"name": classifier.class_names[i], "probability": float(row[i])}
                for i in best
            ],
        }
        for file, row, best in zip(readable, probabilities, order, strict=True)
    ]
    return answers, left_out


def _true_name(file: Path, class_names) -> str | None:
    from zfkeras.data.truth import true_label

    label = true_label(file.stem, class_names)
    return None if label is None else class_names[label]


def _summary(known) -> str:
    first = sum(a["answers"][0]["name"] == a["class_name"] for a in known)
    among = sum(
        any(one["name"] == a["class_name"] for one in a["answers"]) for a in known
    )
    top = len(known[0]["answers"])
    return (
        f"of {len(known)} photographs whose class is known, {first} are named first "
        f"and {among} among the first {top}"
    )


def _write(settings, answers, left_out):
    from zfkeras.io.provenance import write_results
    from zfkeras.plots.predictions import draw_predictions

    record = {
        "model": settings.model,
        "ten_crop": settings.ten_crop,
        "predictions": answers,
        "left_out": left_out,
    }
    write_results(settings.workdir, "predictions", record)
    shown = answers[:PICTURED]
    draw_predictions(
        [_thumbnail(answer["file"]) for answer in shown],
        [answer["class_name"] or Path(answer["file"]).name for answer in shown],
        [
            [
                (one["name"], one["probability"], one["name"] == answer["class_name"])
                for one in answer["answers"]
            ]
            for answer in shown
        ],
        settings.workdir / "predictions.png",
    )
    print(f"results in {settings.workdir}/predictions.json and predictions.png")


def _thumbnail(file: str):
    """Shrinks a photograph to the size it is drawn at: all are in memory at once."""
    import numpy as np

    from zfkeras.data.files.decoding import read_image

    picture = read_image(file, _DRAWN)
    picture.thumbnail((_DRAWN, _DRAWN))
    return np.asarray(picture)


PREDICT = Command(
    module="zfkeras.predict",
    description="Name what photographs show. Where a file's name begins with one of "
    "the network's class names or ImageNet ids (n02124075_cat.jpg), that is taken for "
    "the truth, and marked.",
    settings=PredictSettings,
    work=predict,
    any_backend=True,
)
build_parser, main = PREDICT.build_parser, PREDICT.main

if __name__ == "__main__":
    sys.exit(main())
