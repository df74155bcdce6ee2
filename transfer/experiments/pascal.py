"""Heads on a network's layers over PASCAL VOC: the rows of Table 6.

Two readings of images that show several classes: the paper's one exclusive softmax, and
one machine a class.
"""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.special import softmax
from tqdm import tqdm

from transfer import heads
from transfer.experiments.arguments import in_order
from transfer.experiments.known_rows import known_rows, with_known
from transfer.experiments.layers import all_layers, layer_sizes
from transfer.experiments.rows import LayerGram, RowHead, check_fits
from transfer.features.cache import FORMAT, fingerprint
from transfer.features.extraction import extract
from transfer.heads.multilabel import MultiLabelSVM
from transfer.heads.softmax import SoftmaxHead
from transfer.protocols.average_precision import average_precisions
from transfer.protocols.disjoint import check_disjoint
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.register import Source, open_source
from zfkeras.errors import RunError, UsageError
from zfkeras.io.provenance import write_record
from zfkeras.models.classifier import Classifier
from zfkeras.models.presets import load

HEADS = ("softmax", "svm")
# Test images whose features are in memory at once.
_BLOCK = 256


@dataclasses.dataclass(frozen=True)
class PascalExperiment:
    """Average precisions of heads on one network, on one edition of VOC."""

    data: str
    model: str
    layers: Sequence[int | str] | None
    heads: Sequence[str]
    train_split: str | None
    test_split: str | None
    seed: int
    batch_size: int
    cache: Path
    dtype: str
    max_bad_fraction: float = 0.01

    def run(self, record: Path) -> dict:
        """Measures every head on every layer; rows in `record` are not made again."""
        source = open_source(self.data)
        classifier = load(self.model)
        wanted = self.layers or all_layers(classifier.model)
        sizes = layer_sizes(classifier.model, wanted)
        names = self._splits(source)
        check_fits(sizes, source.split(names[0]).num_examples)
        check_disjoint(*(source.split(name) for name in names))
        known = known_rows(record)
        prints = self._prints(source, classifier, names)
        keys = {
            (head, layer): self._key(prints, head, layer)
            for layer in wanted
            for head in self.heads
        }
        missing = [row for row in keys if keys[row] not in known]
        # Read from the cache if nothing is missing: the counts stand in the results.
        layers = in_order(layer for _, layer in missing) or wanted[:1]
        sets = [self._extract(classifier, source, name, layers) for name in names]
        results = self._header(source, names, sets)
        with tqdm(total=len(missing), desc="heads", unit=" rows") as bar:
            for head, layer in keys:
                row = known.get(keys[head, layer])
                if row is None:
                    place = {"head": head, "layer": layer, "key": keys[head, layer]}
                    row = {**place, **self._measure(head, layer, sets)}
                    bar.update()
                results["rows"].append(row)
                write_record(record, with_known(results, known))
        return with_known(results, known)

    def _splits(self, source: Source) -> tuple[str, str]:
        tested = "test" in source.splits
        names = (
            self.train_split or ("trainval" if tested else "train"),
            self.test_split or ("test" if tested else "validation"),
        )
        for name in names:
            if source.split(name).targets is None:
                raise UsageError(
                    f"--data must have images of several classes, as voc2012:PATH, "
                    f"voc2007:PATH or tfds:voc/2012. Received: {self.data}."
                )
        overlapping = {"trainval": {"train", "validation"}}
        if names[0] == names[1] or names[1] in overlapping.get(names[0], ()):
            raise UsageError(
                "--test-split must hold other images than --train-split. "
                f"Received: {names[1]}, {names[0]}."
            )
        return names

    def _extract(self, classifier: Classifier, source: Source, name: str, layers):
        split = source.split(name)
        bad_images = BadImages(max(split.num_examples, 1), self.max_bad_fraction)
        features = extract(
            classifier,
            split,
            layers,
            self.cache,
            data=f"{self.data} {name}",
            batch_size=self.batch_size,
            dtype=self.dtype,
            bad_images=bad_images,
        )
        targets = split.targets[features.positions]
        return _Set(features.layers, targets, bad_images.to_json())

    def _header(self, source: Source, names, sets) -> dict:
        train, test = sets
        positives = (test.targets == 1).sum(axis=0)
        if not positives.any() or not (train.targets == 1).any():
            raise RunError(f"no image of {self.data} shows any class")
        return {
            "data": self.data,
            "model": str(self.model),
            "class_names": list(source.class_names),
            "splits": list(names),
            "num_train": len(train.targets),
            "num_test": len(test.targets),
            "num_positives": positives.tolist(),
            "bad_images": {
                "count": train.bad_images["count"] + test.bad_images["count"],
                "images": train.bad_images["images"] | test.bad_images["images"],
            },
            "rows": [],
        }

    def _measure(self, head: str, layer: int | str, sets) -> dict:
        train, test = sets
        make = _exclusive if head == "softmax" else _one_machine_a_class
        learnt, tested = train.layers[layer], test.layers[layer]
        scores, chosen = make(learnt, tested, train.targets, self.seed)
        found = average_precisions(test.targets, scores)
        return {
            "average_precisions": found,
            "means": {
                name: float(np.mean([value for value in values if value is not None]))
                for name, values in found.items()
            },
            "C": chosen,
        }

    def _prints(self, source, classifier, names) -> list[str]:
        """What the results depend on: network, images and their targets."""
        prints = []
        for name in names:
            split, called = source.split(name), f"{self.data} {name}"
            prints.append(fingerprint(classifier, split, called, self.dtype))
            prints.append(hashlib.sha256(split.targets.tobytes()).hexdigest())
        return prints

    def _key(self, prints, head, layer) -> str:
        settings = [FORMAT, heads.VERSION, prints, head, layer, self.seed]
        return hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:32]


@dataclasses.dataclass(frozen=True, eq=False)
class _Set:
    """Features and targets of the images of a split that could be read."""

    layers: dict[int | str, np.ndarray]
    targets: np.ndarray
    bad_images: dict


def rarest_present(targets: np.ndarray) -> np.ndarray:
    """One label an image: of the classes it shows, the one that fewest images show.

    Shapes: `targets` (n_images, n_classes), result int64 (n_images,).
    """
    present = targets == 1
    rank = np.argsort(np.argsort(present.sum(axis=0), kind="stable"), kind="stable")
    ranked = np.where(present, rank, targets.shape[1])
    return np.where(present.any(axis=1), ranked.argmin(axis=1), -1)


def _exclusive(learnt, tested, targets, seed):
    """Probabilities of one softmax over all classes, and the C it was given."""
    labels = rarest_present(targets)
    rows = np.flatnonzero(labels >= 0)
    head = RowHead(SoftmaxHead(random_state=seed), LayerGram(learnt), labels).fit(rows)
    kernel, bias = head.weights()
    logits = _in_blocks(lambda features: features @ kernel + bias, tested)
    probabilities = np.zeros((len(tested), targets.shape[1]), np.float32)
    probabilities[:, head.head.classes_] = softmax(logits, axis=1)
    return probabilities, head.head.C_


def _one_machine_a_class(learnt, tested, targets, seed):
    """Scores of each class's machine, and the C of all."""
    head = MultiLabelSVM(random_state=seed).fit(learnt, targets)
    return _in_blocks(head.decision_function, tested), head.C_


def _in_blocks(answer, features) -> np.ndarray:
    """The answers for features of which few are in memory at once."""
    parts = range(0, len(features), _BLOCK)
    return np.concatenate([answer(features[i : i + _BLOCK]) for i in parts])
