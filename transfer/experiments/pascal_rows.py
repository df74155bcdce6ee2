"""The rows of Table 6: heads on a network's layers over PASCAL VOC.

An image may show several classes. One row has one softmax over all classes, as the
paper; the other rows have one SVM per class.
"""

import dataclasses
import hashlib
import json

import numpy as np
from scipy.special import softmax
from tqdm import tqdm

from transfer import heads
from transfer.experiments.extracting import extract_features
from transfer.experiments.known_rows import known_rows, with_known
from transfer.experiments.pascal import HEADS
from transfer.features.cache import FORMAT, fingerprint
from transfer.features.known_network import KnownNetwork
from transfer.features.layer_order import in_order
from transfer.features.layers import all_layers
from transfer.heads.multilabel import MultiLabelSVM
from transfer.heads.rows import LayerGram, RowHead, check_fits
from transfer.heads.softmax import SoftmaxHead
from transfer.protocols.average_precision import average_precisions
from transfer.protocols.disjoint import check_disjoint
from zfkeras.data.register import Source
from zfkeras.errors import RunError, UsageError
from zfkeras.io.provenance import write_record
from zfkeras.passes.context import Context

# Test images whose features are in memory at once.
_BLOCK = 256


class PascalRows:
    """Average precisions of heads on one network, on one edition of VOC.

    `settings` are `PascalSettings`.
    """

    def __init__(self, context: Context, settings):
        self.context, self.settings = context, settings
        self.heads = HEADS if settings.head == "both" else (settings.head,)

    def measure(self) -> dict:
        """Measures every row that the workdir's record does not hold yet."""
        source = self.context.source(self.settings.data)
        network = KnownNetwork.of(self.context, self.settings)
        wanted = self.settings.layers or all_layers(network.classifier.model)
        sizes = network.sizes(wanted)
        names = self._splits(source)
        check_fits(sizes, source.split(names[0]).num_examples)
        check_disjoint(*(source.split(name) for name in names))
        record = self.context.workdir / "pascal.json"
        known = known_rows(record)
        prints = self._prints(source, network, names)
        keys = {
            (head, layer): self._key(prints, head, layer)
            for layer in wanted
            for head in self.heads
        }
        missing = [row for row in keys if keys[row] not in known]
        # Read from the cache if nothing is missing: the counts stand in the results.
        layers = in_order(layer for _, layer in missing) or wanted[:1]
        sets = [self._extract(network, source, name, layers) for name in names]
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
            self.settings.train_split or ("trainval" if tested else "train"),
            self.settings.test_split or ("test" if tested else "validation"),
        )
        for name in names:
            if source.split(name).targets is None:
                raise UsageError(
                    argument="--data",
                    received=self.settings.data,
                    expected="images of several classes, as voc2012:PATH, "
                    "voc2007:PATH or tfds:voc/2012",
                )
        overlapping = {"trainval": {"train", "validation"}}
        if names[0] == names[1] or names[1] in overlapping.get(names[0], ()):
            raise UsageError(
                argument="--test-split",
                received=f"{names[1]}, {names[0]}",
                expected="a split of other images than --train-split",
            )
        return names

    def _extract(self, network: KnownNetwork, source: Source, name: str, layers):
        split = source.split(name)
        features, images = extract_features(
            network, split, layers, self.settings, self.settings.data, name
        )
        targets = split.targets[features.positions]
        return _Set(features.layers, targets, images["bad_images"], images["threads"])

    def _header(self, source: Source, names, sets) -> dict:
        train, test = sets
        positives = (test.targets == 1).sum(axis=0)
        if not positives.any() or not (train.targets == 1).any():
            raise RunError(f"no image of {self.settings.data} is labelled with a class")
        return {
            "data": self.settings.data,
            "model": str(self.settings.model),
            "class_names": list(source.class_names),
            "splits": list(names),
            "num_train": len(train.targets),
            "num_test": len(test.targets),
            "num_positives": positives.tolist(),
            "bad_images": {
                "count": train.bad_images["count"] + test.bad_images["count"],
                "images": train.bad_images["images"] | test.bad_images["images"],
            },
            "threads": sorted({*train.threads, *test.threads}),
            "rows": [],
        }

    def _measure(self, head: str, layer: int | str, sets) -> dict:
        train, test = sets
        make = _exclusive if head == "softmax" else _one_machine_a_class
        learnt, tested = train.layers[layer], test.layers[layer]
        scores, chosen = make(learnt, tested, train.targets, self.settings.seed)
        found = average_precisions(test.targets, scores)
        return {
            "average_precisions": found,
            "means": {
                name: float(np.mean([value for value in values if value is not None]))
                for name, values in found.items()
            },
            "C": chosen,
        }

    def _prints(self, source, network, names) -> list[str]:
        """Returns digests of network, images and targets."""
        prints, dtype = [], self.settings.feature_dtype
        for name in names:
            split, called = source.split(name), f"{self.settings.data} {name}"
            prints.append(fingerprint(network.digest, split, called, dtype))
            prints.append(hashlib.sha256(split.targets.tobytes()).hexdigest())
        return prints

    def _key(self, prints, head, layer) -> str:
        settings = [FORMAT, heads.VERSION, prints, head, layer, self.settings.seed]
        return hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:32]


@dataclasses.dataclass(frozen=True, eq=False)
class _Set:
    """Features and targets of the images of a split that could be read."""

    layers: dict[int | str, np.ndarray]
    targets: np.ndarray
    bad_images: dict
    threads: list[int]


def rarest_present(targets: np.ndarray) -> np.ndarray:
    """Labels each image by the class it shows that fewest images show.

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
    """Returns the answers for features, a few images in memory at once."""
    parts = range(0, len(features), _BLOCK)
    return np.concatenate([answer(features[i : i + _BLOCK]) for i in parts])
