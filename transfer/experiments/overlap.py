"""Sec. 5.2: the images that two data sets share."""

import dataclasses

from zfkeras.cli import arguments, settings
from zfkeras.passes.experiment import Experiment
from zfkeras.records import Record, setting

PAPER = {
    "figure": "sec. 5.2",
    "claim": "Sec. 5.2: 44 images of Caltech-101 and 243 of Caltech-256 were found in "
    "ImageNet's training set by normalised correlation, and left out of it.",
}
# transfer.protocols.overlap has the reason; --help must not wait for NumPy.
THRESHOLD = 0.9


@dataclasses.dataclass(frozen=True, kw_only=True)
class OverlapSettings:
    """Two data sets, and when two images count as one."""

    data: str = settings.some_data()
    split: str | None = settings.a_split("train")
    against: str = setting(
        metavar="SPEC",
        help="the images to look among, such as a network's training set; as --data",
    )
    against_split: str | None = setting(
        None,
        metavar="NAME",
        help="which split of --against (default: train, or the only one there is)",
    )
    threshold: float = setting(
        THRESHOLD,
        type=arguments.fraction,
        metavar="N",
        help="least correlation (0-1) of two images that count as one",
    )
    plain: bool = setting(
        False,
        help="correlate the pixels themselves, without subtracting the mean of their "
        "surround; finds most skies alike",
    )
    max_bad_fraction: float = settings.max_bad_fraction()


def measure(context, settings: OverlapSettings) -> Record:
    """Compares each image of one set with each of the other."""
    from tqdm import tqdm

    from transfer.protocols.overlap import SIZE, SURROUND, find_overlap
    from transfer.reports.overlap import overlap_record, write_left_out
    from zfkeras.data.files.bad_images import BadImages

    source, against = context.source(settings.data), context.source(settings.against)
    name = source.split_name(settings.split, "train")
    against_name = against.split_name(settings.against_split, "train")
    split_a, split_b = source.split(name), against.split(against_name)
    leave_out = context.workdir / "leave_out.txt"
    total = split_a.num_examples + split_b.num_examples
    bad_images = BadImages(total, settings.max_bad_fraction)
    surround = None if settings.plain else SURROUND
    with tqdm(total=total, unit="image", desc="comparing") as bar:
        overlap = find_overlap(
            split_a,
            split_b,
            settings.threshold,
            surround=surround,
            bad_images=bad_images,
            progress=bar.update,
        )
        seconds = bar.format_dict["elapsed"]
    about = {
        "data": settings.data,
        "split": name,
        "against": settings.against,
        "against_split": against_name,
        "threshold": settings.threshold,
        "size": SIZE,
        "surround": surround,
        "seconds": round(seconds, 1),
        "bad_images": bad_images.to_json(),
        "leave_out": str(leave_out),
    }
    write_left_out(overlap, split_b, leave_out)
    return overlap_record(PAPER, overlap, source, split_a, split_b, about)


OVERLAP = Experiment(
    key="overlap",
    package="transfer",
    description="Find the images of one data set that another one holds, too. The "
    "workdir holds a list of pairs that are nearly unchanged and a picture of them. "
    "Those of --against are the ones to leave out of training.",
    settings=OverlapSettings,
    measure=measure,
)
