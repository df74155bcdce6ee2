"""Tables 4, 5 and 7: heads on the layers of a network over a Caltech data set."""

import dataclasses

from transfer.experiments.arguments import number_list
from transfer.experiments.shared_settings import (
    FeatureSettings,
    WholeNetworkSettings,
    may_download,
    published_data,
    some_layers,
)
from transfer.heads.register import head_names
from zfkeras.cli import settings
from zfkeras.passes.experiment import Experiment
from zfkeras.records import Record, setting

PAPER = {
    "figure": "Tables 4, 5 and 7",
    "claim": "Sec. 5.2: a new softmax on the features of the network trained on "
    "ImageNet beats everything trained on Caltech-101 and Caltech-256 alone, and the "
    "features of higher layers are worth more (Table 7).",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class CaltechSettings(WholeNetworkSettings, FeatureSettings):
    """The settings of Tables 4, 5 and 7."""

    data: str | None = published_data("caltech101")
    download: bool = may_download()
    layers: tuple[int | str, ...] | None = some_layers("the rows of Table 7")
    head: str | None = setting(
        None,
        choices=head_names,
        help="linear SVM, one against rest, or softmax (default: svm; with --layer all "
        "those of Table 7)",
    )
    n_train_per_class: tuple[int, ...] = setting(
        (30,),
        type=number_list,
        metavar="LIST",
        help="training images of each class, several with commas between",
    )
    folds: int = settings.a_count(5, "random divisions into training and test images")
    no_background: bool = setting(
        False,
        help="leave out the clutter class (BACKGROUND_Google, 257.clutter), which "
        "counts as one of the classes otherwise",
    )
    random: bool = setting(
        False,
        help="also measure the same network with random weights",
    )


def measure(context, settings: CaltechSettings) -> Record:
    """Trains a head on each layer of a network, fold by fold."""
    from transfer.experiments.caltech_rows import CaltechRows
    from transfer.features.layers import table_7
    from transfer.reports.caltech import caltech_record
    from zfkeras.data.published.obtaining import obtain_data

    data = obtain_data(settings.data, ["caltech101"], download=settings.download)
    settings = dataclasses.replace(settings, data=data)
    if settings.layers is None:
        rows = table_7(context.classifier(settings.model, settings).model)
        rows = [row for row in rows if settings.head in (None, row[0])]
    else:
        rows = [(settings.head or "svm", layer) for layer in settings.layers]
    rows = CaltechRows(context, settings, rows, by_layer=settings.layers is None)
    results = rows.measure()
    for picture in context.workdir.glob("by_*.png"):
        picture.unlink()  # it may be of other rows
    return caltech_record(PAPER, results)


CALTECH = Experiment(
    key="caltech",
    package="transfer",
    description="Train a linear head on a few images per class (Tables 4, 5 and 7). "
    "The head is trained on a layer of a trained network, and its mean per-class "
    "accuracy over folds is reported beside the paper's. Features are computed once "
    "and kept.",
    settings=CaltechSettings,
    measure=measure,
)
