"""A classifier out of anybody's photographs, one folder a class."""

import dataclasses
import logging
from pathlib import Path

from transfer.experiments.shared_settings import FeatureSettings
from transfer.heads.register import head_names
from zfkeras.cli import arguments
from zfkeras.io.terminal import one_line
from zfkeras.passes.experiment import Experiment
from zfkeras.records import Record, setting

logger = logging.getLogger(__name__)

PAPER = {
    "figure": "sec. 5.2",
    "claim": "Sec. 5.2: a new classifier on the features of the trained network needs "
    "few images of each class.",
}
_CONFUSIONS = 5  # pairs of classes that are named


def _layer(text: str) -> int | str | None:
    """Reads 7, block1_pool, or best (`None`), for argparse."""
    return None if text == "best" else arguments.layer(text)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FolderSettings(FeatureSettings):
    """The settings of `transfer.folder`."""

    path: str | None = setting(
        None,
        flag="path",
        nargs="?",
        metavar="PATH",
        help="folder (or zip) of PATH/CLASS/*.jpg, or PATH/train/CLASS/*.jpg beside "
        "PATH/val/CLASS/*.jpg; may be left out with --predict once there is a model",
    )
    layer: int | str | None = setting(
        None,
        type=_layer,
        metavar="N|NAME",
        help="the paper's layer, 1 to 7, or any network's by name, that of a nested "
        "model as base.block1_pool; or best: the one with the highest accuracy on "
        "training images held out for it, of a network without the paper's layers "
        "among the ends of its stages (default: best)",
    )
    head: str = setting(
        "softmax",
        choices=head_names,
        help="what is trained on the layer; an svm's probabilities are no more than "
        "an order of the classes",
    )
    test_fraction: float = setting(
        0.2,
        type=arguments.fraction,
        metavar="F",
        help="share of each class's images to test on (0-1), where the folder is not "
        "divided into train and val",
    )
    predict: tuple[Path, ...] = setting(
        (),
        nargs="+",
        type=Path,
        metavar="FILE",
        help="then name what these photographs show",
    )


def measure(context, settings: FolderSettings) -> Record:
    """Trains a head on a folder's photographs, unless the workdir holds its model."""
    from transfer.experiments.folder_head import FolderHead
    from transfer.plots.confusion import draw_confusion
    from zfkeras.io.files import crc32
    from zfkeras.io.provenance import write_results

    head = FolderHead(context, settings)
    record = context.workdir / "folder.json"
    model = context.workdir / "model.keras"
    key = head.key()
    results = _known(record, key, model)
    if results is None:
        classifier, results = head.run()
        # They would stand beside another's model.
        record.unlink(missing_ok=True)
        if not (record.parent / "config.json").exists():  # results of a training stay
            (record.parent / "results.json").unlink(missing_ok=True)
        classifier.save(model)
        results = {**results, "key": key, "model_crc32": crc32(model)}
        write_results(record.parent, "folder", results)
    picture = draw_confusion(
        results["confusion"],
        results["class_names"],
        f"{settings.path}: {100 * results['accuracy']:.1f} % of {results['num_test']} "
        "test images right",
    )
    pictures = {"confusion.png": picture}
    return Record(PAPER, _findings(results), results, pictures=pictures)


def _known(record: Path, key: str, model: Path) -> dict | None:
    """Returns the results of an earlier equal run, if its model is whole."""
    from zfkeras.io.files import crc32, read_json_again, warn_of_damage

    otherwise = "training the head anew"
    results = read_json_again(record, otherwise)
    try:
        if results["key"] != key:
            logger.info(
                "replacing what %s holds, of %s on %s; another --workdir keeps it",
                record.parent,
                results["model"],
                results["data"],
            )
            return None
        if not model.is_file():
            return None
        if results["model_crc32"] != crc32(model):
            warn_of_damage(model, "it has changed", otherwise)
            return None
        return results
    except (KeyError, TypeError):
        return None


def _findings(results: dict) -> list[str]:
    """Says what was chosen, how good it is, and what is confused most often."""
    lines = [
        f"layer {one_line(str(name))}: {100 * share:.1f} % on training images held out"
        for name, share in results["layers"].items()
    ]
    lines.append(
        f"{results['head']} on layer {one_line(str(results['layer']))}, "
        f"C = {results['C']:g}, learnt from {results['num_train']} images: "
        f"{100 * results['accuracy']:.1f} % of {results['num_test']} test images "
        f"right, mean over classes {100 * results['mean_per_class_accuracy']:.1f} %"
    )
    names = [one_line(name) for name in results["class_names"]]
    pairs = [
        (count, names[true], names[answer])
        for true, row in enumerate(results["confusion"])
        for answer, count in enumerate(row)
        if count and true != answer
    ]
    for count, true, answer in sorted(pairs, reverse=True)[:_CONFUSIONS]:
        lines.append(f"{count} of {true} taken for {answer}")
    if results["copies_of_test_images"]["count"]:
        count = results["copies_of_test_images"]["count"]
        lines.append(f"left out: {count} training images that are test images, too")
    if results["bad_images"]["count"]:
        lines.append(f"left out: {results['bad_images']['count']} unreadable images")
    return lines


FOLDER = Experiment(
    key="folder",
    package="transfer",
    description="Train a classifier for the photographs in a folder and test it. The "
    "folder has one sub-folder per class; a linear head is trained on a layer of a "
    "trained network and tested on images it has not seen. The workdir holds "
    "model.keras, which zfkeras.load and every --model take, the results and a picture "
    "of which classes are confused.",
    settings=FolderSettings,
    measure=measure,
)
