"""Tables 4 to 7 and Fig. 9, each a run in a folder of its own."""

import argparse
import dataclasses
import logging

from transfer.experiments.shared_settings import (
    FeatureSettings,
    WholeNetworkSettings,
    may_download,
)
from transfer.reports.paper import BY_LAYER_N_TRAIN, PRETRAINED, data_set
from zfkeras.cli import settings
from zfkeras.errors import UsageError
from zfkeras.passes.experiment import Experiment
from zfkeras.records import Record, setting

logger = logging.getLogger(__name__)

TABLES = ("4", "5", "6", "7", "fig9")
#: Table -> the data sets it can be made of.
NEEDS = {
    "4": ("caltech101",),
    "5": ("caltech256",),
    "6": ("voc",),
    "7": ("caltech101", "caltech256"),
    "fig9": ("caltech256", "caltech101"),
}
#: Images per class in Fig. 9; the paper's axis goes from 0 to 60.
CURVE = (1, 2, 3, 4, 6, 8, 10, 15, 20, 30, 45, 60)
PAPER = {
    "figure": "Tables 4 to 7 and Fig. 9",
    "claim": "Sec. 5.2: a new softmax on the features of the network trained on "
    "ImageNet beats everything trained on Caltech-101 and Caltech-256 alone, and the "
    "features of higher layers are worth more (Table 7).",
}


def _tables(text: str) -> tuple[str, ...]:
    """Reads 4,5,fig9 for argparse."""
    words = tuple(dict.fromkeys(text.split(",")))
    for word in words:
        if word not in TABLES:
            raise argparse.ArgumentTypeError(
                f"must be some of {', '.join(TABLES)}. Received: {word}"
            )
    return words


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableSettings(WholeNetworkSettings, FeatureSettings):
    """The settings of Tables 4 to 7 and Fig. 9."""

    data: tuple[str, ...] | None = setting(
        None,
        action="append",
        metavar="SPEC",
        help="caltech101:PATH, caltech256:PATH, voc2012:PATH or voc2007:PATH, or "
        "tfds:caltech101, tfds:voc/2012, tfds:voc/2007; once for each set there is "
        "(default: every one that is found, voc2012 before voc2007)",
    )
    download: bool = may_download()
    tables: tuple[str, ...] = setting(
        TABLES,
        type=_tables,
        metavar="LIST",
        help="which, with commas between; those without data are left out",
    )
    folds: int = settings.a_count(5, "random divisions of the Caltech sets")


def measure(context, settings: TableSettings) -> Record:
    """Makes each table that there are data for, in a folder of its own."""
    from transfer.reports.tables import tables_record

    data = _by_set(_obtained(settings))
    for spec in data.values():  # what is not there is known before the work
        context.source(spec)
    context.classifier(settings.model, settings)
    runs = [(table, name) for table in settings.tables for name in _sets(table, data)]
    if not runs:
        raise UsageError(
            f"--tables {','.join(settings.tables)} needs other --data. Received: "
            f"{', '.join(data.values())}.",
            argument="--data",
        )
    context.claim_workdir()
    results = {}
    for table, name in runs:
        called = f"{table} {name}" if table == "7" else table
        logger.info("%s", called if table == "fig9" else f"table {called}")
        inside = context.inside(called.replace(" ", "_"))
        run = _pascal if table == "6" else _caltech
        results[called] = run(inside, settings, table, data[name])
    return tables_record(PAPER, settings.model, results)


def _sets(table, data) -> list[str]:
    """Returns the data sets of a table: several for Table 7, one for others."""
    found = [name for name in NEEDS[table] if name in data]
    if not found:
        logger.info("table %s is left out: no data for it", table)
    return found if table == "7" else found[:1]


def _shared(settings, kind) -> dict:
    """Returns the settings of an experiment that the tables' settings have, too."""
    names = {field.name for field in dataclasses.fields(kind)} - {"data", "download"}
    return {name: value for name, value in vars(settings).items() if name in names}


def _pascal(context, settings, table, data) -> dict:
    from transfer.experiments.pascal import PascalSettings
    from transfer.experiments.pascal_rows import PascalRows
    from transfer.features.layers import standing_for

    layers = standing_for(context.classifier(settings.model, settings).model, [5, 7])
    chosen = PascalSettings(
        data=data, layers=tuple(layers), **_shared(settings, PascalSettings)
    )
    return PascalRows(context, chosen).measure()


def _caltech(context, settings, table, data) -> dict:
    from transfer.experiments.caltech import CaltechSettings
    from transfer.experiments.caltech_rows import CaltechRows
    from transfer.features.layers import standing_for, table_7

    model = context.classifier(settings.model, settings).model
    name = data_set(data)
    if table == "7":
        numbers, rows = [BY_LAYER_N_TRAIN[name]], table_7(model)
    else:
        numbers = CURVE if table == "fig9" else [*PRETRAINED[name]]
        rows = [("softmax", standing_for(model, [7])[0])]
    arms = {} if table in ("4", "5") else {"from_scratch": None, "fine_tune": None}
    chosen = CaltechSettings(
        data=data,
        n_train_per_class=tuple(_possible(context.source(data), numbers)),
        random=table == "7",
        **{**_shared(settings, CaltechSettings), **arms},
    )
    return CaltechRows(context, chosen, rows, by_layer=table == "7").measure()


def _possible(source, numbers) -> list[int]:
    """Returns the numbers that leave every class an image to test on."""
    import numpy as np

    split = source.whole()
    labels = [row["label"] for row in split.stream().as_numpy_iterator()]
    counts = np.bincount(labels, minlength=len(source.class_names))
    kept = [number for number in numbers if number < counts.min()]
    smallest = source.class_names[int(counts.argmin())]
    if not kept:
        raise UsageError(
            f"class {smallest!r} of --data {source.spec} has {counts.min()} images: "
            f"too few for {min(numbers)} to learn from and one to test on.",
            argument="--data",
            received=source.spec,
        )
    if len(kept) < len(numbers):
        logger.info(
            "up to %d images per class: %s has %d", kept[-1], smallest, counts.min()
        )
    return kept


def _obtained(settings) -> list[str]:
    """Returns the given specs, or those of all data sets that are found."""
    from zfkeras.data.published.obtaining import obtain_data, obtain_every

    if settings.data is None:
        names = {"caltech101": [], "caltech256": [], "voc": ["voc2012", "voc2007"]}
        needed = {kind for table in settings.tables for kind in NEEDS[table]}
        groups = [names[kind] or [kind] for kind in names if kind in needed]
        return obtain_every(groups, download=settings.download)
    return [obtain_data(spec, [], download=settings.download) for spec in settings.data]


def _by_set(specs) -> dict[str, str]:
    """Maps each kind of data set to its spec."""
    kinds = {
        "caltech101": "caltech101",
        "caltech256": "caltech256",
        "voc2007": "voc",
        "voc2012": "voc",
        "voc/2007": "voc",
        "voc/2012": "voc",
    }
    found = {}
    for spec in specs:
        kind = kinds.get(data_set(spec))
        if kind is None:
            raise UsageError(
                argument="--data",
                received=spec,
                expected="one of caltech101:PATH, caltech256:PATH, voc2007:PATH, "
                "voc2012:PATH, tfds:caltech101, tfds:voc/2007, tfds:voc/2012",
            )
        if kind in found:
            raise UsageError(
                argument="--data",
                received=f"{found[kind]} and {spec}",
                expected="given once for each set",
            )
        found[kind] = spec
    return found


TABLES_4_TO_7 = Experiment(
    key="tables",
    package="transfer",
    description="Reproduce Tables 4 to 7 and Fig. 9 of the paper. They are "
    "Caltech-101, Caltech-256, PASCAL VOC, layer by layer, and accuracy by number of "
    "images. The same command resumes what was stopped; finished rows are not "
    "measured again.",
    settings=TableSettings,
    measure=measure,
)
