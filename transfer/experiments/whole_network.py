"""All layers trained on the target: from random weights, or from the trained ones.

The former is the paper's second arm (sec. 5.2), the latter fine-tuning, which the
paper leaves out. One training run a fold (`zfkeras.training`), in a folder of its own,
so that what is stopped is taken up again.
"""

import dataclasses
import hashlib
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np

from transfer.protocols.accuracy import mean_per_class_accuracy
from transfer.protocols.folds import folds
from transfer.reports.caltech import ARMS
from transfer.reports.paper import FROM_SCRATCH, reported_set
from zfkeras import configs
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.pipeline import evaluation_batches
from zfkeras.data.register import Source
from zfkeras.data.split import ListedSplit
from zfkeras.errors import UsageError
from zfkeras.io.files import read_json_again
from zfkeras.io.provenance import write_record
from zfkeras.models.classifier import Classifier, predict_crops
from zfkeras.models.fingerprint import network_digest
from zfkeras.models.variants import find_variant
from zfkeras.training.config import ScheduleConfig, TrainConfig
from zfkeras.training.run import run_experiment

logger = logging.getLogger(__name__)

# Of the recipe's rate, what trained weights bear (docs/results.md).
_FINE_TUNING_RATE = 0.3

_FALLBACK = {64: "zfnet_quarter_tiny_imagenet", 256: "zfnet_imagenet"}


@dataclasses.dataclass(frozen=True)
class WholeNetwork:
    """A network all of whose layers learn from each fold's training images.

    `settings` are `CaltechSettings`. Without `weights` it starts from random ones.
    """

    settings: Any
    epochs: int
    weights: str | None = None

    @property
    def name(self) -> str:
        """Of the arm, a key of `ARMS`."""
        return "from_scratch" if self.weights is None else "fine_tuned"

    def run(self, source: Source, classifier: Classifier, folder: Path) -> list[dict]:
        """Trains and tests; folds that the folder's record holds are not run again."""
        split = source.whole()
        if not isinstance(split, ListedSplit):
            raise UsageError(
                "training all layers needs images that can be picked one by one, as of "
                f"caltech101:PATH. Received: {source.spec}."
            )
        batch_size = self.settings.batch_size
        record = Path(folder) / f"{self.name}.json"
        known = _known(record)
        start = b""
        if self.weights is not None:  # another network may have taken its path
            start = network_digest(classifier.model, classifier.preprocessing).encode()
        rows = []
        for n in self.settings.n_train_per_class:
            divisions = folds(
                split.labels,
                n,
                class_names=source.class_names,
                n_folds=self.settings.folds,
                with_background=not self.settings.no_background,
                seed=self.settings.seed,
            )
            config = self.recipe(classifier, source.spec, n * len(source.class_names))
            accuracies = []
            for number, fold in enumerate(divisions):
                key = _key(config, split, fold, number, start)
                place = Path(folder) / self.name / f"{n}-{number}-{key[:8]}"
                if key not in known:
                    what = ARMS[self.name]
                    logger.info("%s, %d a class, fold %d", what, n, number + 1)
                    data = dataclasses.replace(
                        config.data, max_bad_fraction=self.settings.max_bad_fraction
                    )
                    seed = self.settings.seed + number
                    run = dataclasses.replace(config, data=data, seed=seed)
                    known[key] = _run(run, source, split, fold, place, batch_size)
                    write_record(record, {"accuracies": known})
                # Checkpoints: only the accuracy is kept, and by now it is.
                shutil.rmtree(place, ignore_errors=True)
                accuracies.append(known[key])
            rows.append(self._row(source, n, accuracies))
        return rows

    def recipe(self, classifier: Classifier, spec: str, n_train: int) -> TrainConfig:
        """Returns the recipe that trained the network, shortened for other images."""
        name = classifier.made.get("config", {}).get("name")
        if name not in configs.names():
            name = _FALLBACK[find_variant(classifier.model.name).image_size]
        config = configs.get_config(name)
        data, optimizer = config.data, config.optimizer
        if self.weights is not None:
            scale = classifier.preprocessing.input_scale
            data = dataclasses.replace(data, input_scale=scale)
            rate = _FINE_TUNING_RATE * optimizer.learning_rate
            optimizer = dataclasses.replace(optimizer, learning_rate=rate)
        return dataclasses.replace(
            config,
            model=dataclasses.replace(
                config.model, variant=classifier.model.name, weights=self.weights
            ),
            data=dataclasses.replace(
                data, source=spec, validation_fraction=0.0, num_classes=None
            ),
            optimizer=optimizer,
            schedule=ScheduleConfig("cosine", warmup_epochs=min(2, self.epochs / 4)),
            epochs=self.epochs,
            batch_size=min(self.settings.batch_size, n_train),
            snapshot_epochs=(),
        )

    def _row(self, source: Source, n: int, accuracies) -> dict:
        paper = None
        if self.weights is None:
            reported = reported_set(source.spec, len(source.class_names))
            paper = FROM_SCRATCH.get(reported, {}).get(n)
        several = len(accuracies) > 1
        return {
            "n_train_per_class": n,
            "epochs": self.epochs,
            "accuracies": accuracies,
            "mean": float(np.mean(accuracies)),
            "std": float(np.std(accuracies, ddof=1)) if several else None,
            "paper": None if paper is None else dataclasses.asdict(paper),
        }


def whole_networks(settings) -> list[WholeNetwork]:
    """Returns the networks that `CaltechSettings` ask for."""
    asked = [(settings.from_scratch, None), (settings.fine_tune, settings.model)]
    return [
        WholeNetwork(settings, epochs, weights) for epochs, weights in asked if epochs
    ]


def _run(config, source, split, fold, place: Path, batch_size: int) -> float:
    """Trains on a fold's training images; its accuracy on the others."""
    learnt = dataclasses.replace(source, splits={"train": split.at(fold.train)})
    results = run_experiment(config, place, source=learnt)
    classifier = Classifier.load(place / results["model"])
    tested = split.at(fold.test)
    bad_images = BadImages(tested.num_examples, config.data.max_bad_fraction)
    labels, answers = [], []
    for batch in evaluation_batches(
        tested, classifier.preprocessing, batch_size, bad_images=bad_images
    ):
        probabilities = predict_crops(classifier.model, batch["image"].numpy())
        labels.append(batch["label"].numpy())
        answers.append(probabilities.argmax(axis=1))
    bad_images.check()
    keras.utils.clear_session()  # the next run would start beside this one's graphs
    return mean_per_class_accuracy(np.concatenate(labels), np.concatenate(answers))


def _key(config: TrainConfig, split: ListedSplit, fold, number, start: bytes) -> str:
    """Tells a fold's run from every other; `start` stands for the first weights."""
    digest = hashlib.sha256(json.dumps([config.to_json(), number]).encode() + start)
    for rows in (fold.train, fold.test):
        digest.update(b"\n".join(split.names[rows]))
    return digest.hexdigest()[:32]


def _known(record: Path) -> dict[str, float]:
    """Accuracies of a former run by their keys."""
    known = read_json_again(record, "training its folds anew")
    try:
        return dict(known["accuracies"])
    except (ValueError, KeyError, TypeError):
        return {}
