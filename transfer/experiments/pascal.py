"""Table 6: heads on the layers of a network over PASCAL VOC."""

import dataclasses

from transfer.experiments.shared_settings import (
    FeatureSettings,
    may_download,
    published_data,
    some_layers,
)
from zfkeras.passes.experiment import Experiment
from zfkeras.records import Record, setting

HEADS = ("softmax", "svm")
PAPER = {
    "figure": "Table 6",
    "claim": "Table 6 and sec. 5.2: features learnt on ImageNet with one exclusive "
    "softmax come within 3.2 % of the best result on PASCAL VOC 2012 on average, and "
    "beat it in five classes, though its images show several objects.",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class PascalSettings(FeatureSettings):
    """The settings of Table 6."""

    data: str | None = published_data("voc2012, else voc2007")
    download: bool = may_download()
    layers: tuple[int | str, ...] | None = some_layers()
    head: str = setting(
        "both",
        choices=(*HEADS, "both"),
        help="softmax: one over all classes, as in the paper, each image labelled by "
        "the rarest class it shows; svm: one linear machine a class",
    )
    train_split: str | None = setting(
        None,
        metavar="NAME",
        help="split to train on (default: trainval if test has labels, else train)",
    )
    test_split: str | None = setting(
        None,
        metavar="NAME",
        help="what to test on (default: test where it is labelled, else validation; "
        "the labels of VOC 2012's test images are not public)",
    )


def measure(context, settings: PascalSettings) -> Record:
    """Trains heads on each layer of a network and measures average precision."""
    from transfer.experiments.pascal_rows import PascalRows
    from transfer.reports.pascal import pascal_record
    from zfkeras.data.published.obtaining import obtain_data

    names = ["voc2012", "voc2007"]
    data = obtain_data(settings.data, names, download=settings.download)
    settings = dataclasses.replace(settings, data=data)
    return pascal_record(PAPER, PascalRows(context, settings).measure())


PASCAL = Experiment(
    key="pascal",
    package="transfer",
    description="Train heads for PASCAL VOC and report average precision (Table 6). "
    "The heads are trained on a layer of a trained network; average precision is "
    "reported class by class beside the paper's, by three definitions. Difficult "
    "objects count neither in training nor in the test.",
    settings=PascalSettings,
    measure=measure,
)
