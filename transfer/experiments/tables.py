"""What `transfer.tables` measures: each table is a run in a folder of its own."""

import dataclasses
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from transfer.experiments.caltech import CaltechExperiment
from transfer.experiments.layers import standing_for, table_7
from transfer.experiments.paper import BY_LAYER_N_TRAIN, PRETRAINED
from transfer.experiments.pascal import HEADS, PascalExperiment
from transfer.experiments.whole_network import whole_networks
from zfkeras.data.register import open_source
from zfkeras.errors import UsageError
from zfkeras.models.presets import load

logger = logging.getLogger(__name__)

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


@dataclasses.dataclass(frozen=True)
class TableRun:
    """Tables 4 to 7 and Fig. 9 with one network, as far as there are data."""

    data: Mapping[str, str]
    model: str
    tables: Sequence[str]
    n_folds: int
    from_scratch: int | None
    fine_tune: int | None
    seed: int
    batch_size: int
    cache: Path
    dtype: str
    max_bad_fraction: float = 0.01

    def check(self) -> None:
        """Opens everything, so that what is not there is known before the work."""
        for spec in self.data.values():
            open_source(spec)
        load(self.model)
        if not any(self._sets(table) for table in self.tables):
            raise UsageError(
                f"--tables {','.join(self.tables)} needs other --data. Received: "
                f"{', '.join(self.data.values())}."
            )

    def run(self, folder: Path) -> Iterator[tuple[str, dict]]:
        """Yields each table's name and results, as the experiments give them."""
        for table in self.tables:
            sets = self._sets(table)
            if not sets:
                logger.info("table %s is left out: no data for it", table)
            for name in sets:
                called = f"{table} {name}" if table == "7" else table
                place = Path(folder) / called.replace(" ", "_")
                logger.info("%s", called if table == "fig9" else f"table {called}")
                if table == "6":
                    yield called, self._pascal(place)
                else:
                    yield called, self._caltech(table, name, place)

    def _sets(self, table: str) -> list[str]:
        """The data sets of a table that are given; one for all but Table 7."""
        found = [name for name in NEEDS[table] if name in self.data]
        return found if table == "7" else found[:1]

    def _pascal(self, folder: Path) -> dict:
        experiment = PascalExperiment(
            data=self.data["voc"],
            model=self.model,
            layers=standing_for(load(self.model).model, [5, 7]),
            heads=HEADS,
            train_split=None,
            test_split=None,
            seed=self.seed,
            batch_size=self.batch_size,
            cache=self.cache,
            dtype=self.dtype,
            max_bad_fraction=self.max_bad_fraction,
        )
        return experiment.run(folder / "pascal.json")

    def _caltech(self, table: str, name: str, folder: Path) -> dict:
        source = open_source(self.data[name])
        if table == "7":
            numbers = [BY_LAYER_N_TRAIN[name]]
            rows = table_7(load(self.model).model)
        else:
            numbers = CURVE if table == "fig9" else [*PRETRAINED[name]]
            rows = [("softmax", standing_for(load(self.model).model, [7])[0])]
        numbers = _possible(source, numbers)
        experiment = CaltechExperiment(
            data=self.data[name],
            model=self.model,
            rows=rows,
            n_train_per_class=numbers,
            n_folds=self.n_folds,
            with_background=True,
            with_random=table == "7",
            seed=self.seed,
            batch_size=self.batch_size,
            cache=self.cache,
            dtype=self.dtype,
            max_bad_fraction=self.max_bad_fraction,
            by_layer=table == "7",
        )
        results = experiment.run(folder / "caltech.json")
        if table in ("4", "5"):
            arms = whole_networks(
                self.model,
                self.from_scratch,
                self.fine_tune,
                n_train_per_class=numbers,
                n_folds=self.n_folds,
                with_background=True,
                seed=self.seed,
                batch_size=self.batch_size,
                max_bad_fraction=self.max_bad_fraction,
            )
            for arm in arms:
                results[arm.name] = arm.run(source, load(self.model), folder)
        return results


def _possible(source, numbers: Sequence[int]) -> list[int]:
    """The numbers that leave every class an image to test on."""
    split = source.whole()
    labels = [row["label"] for row in split.stream().as_numpy_iterator()]
    counts = np.bincount(labels, minlength=len(source.class_names))
    kept = [number for number in numbers if number < counts.min()]
    smallest = source.class_names[int(counts.argmin())]
    if not kept:
        raise UsageError(
            f"class {smallest!r} of --data {source.spec} has {counts.min()} images: "
            f"too few for {min(numbers)} to learn from and one to test on."
        )
    if len(kept) < len(numbers):
        logger.info(
            "up to %d images per class: %s has %d", kept[-1], smallest, counts.min()
        )
    return kept
