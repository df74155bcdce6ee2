"""Heads on the layers of a network over a Caltech data set, row by row."""

import dataclasses
import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import keras
from tqdm import tqdm

from transfer import heads
from transfer.experiments.arguments import in_order
from transfer.experiments.by_layer import HEADS, evaluate_head
from transfer.experiments.known_rows import known_rows, with_known
from transfer.experiments.layers import layer_sizes
from transfer.experiments.paper import data_set, paper_accuracy, reported_set
from transfer.experiments.rows import LayerGram, check_fits
from transfer.features.cache import FORMAT, fingerprint
from transfer.features.extraction import extract
from transfer.protocols.folds import folds
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.register import Source, open_source
from zfkeras.data.split import ListedSplit
from zfkeras.io.provenance import write_record
from zfkeras.models.classifier import Classifier
from zfkeras.models.presets import load
from zfkeras.models.variants import VARIANTS
from zfkeras.models.zfnet import ZFNet

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class CaltechExperiment:
    """Rows of Tables 4, 5 and 7 on one data set with one network."""

    data: str
    model: str
    rows: Sequence[tuple[str, int | str]]
    n_train_per_class: Sequence[int]
    n_folds: int
    with_background: bool
    with_random: bool
    seed: int
    batch_size: int
    cache: Path
    dtype: str
    max_bad_fraction: float = 0.01
    by_layer: bool = True

    def run(self, record: Path) -> dict:
        """Measures every row that `record` does not hold yet."""
        source = open_source(self.data)
        source.check_one_class_each()
        classifier = load(self.model)
        sizes = layer_sizes(classifier.model, [layer for _, layer in self.rows])
        # At most: it may leave out the background.
        check_fits(sizes, max(self.n_train_per_class) * len(source.class_names))
        self._check_counts(source)
        known = known_rows(record)
        networks = {"trained": classifier}
        if self.with_random:
            networks["random"] = randomised(classifier, self.seed)
        results = self._header(source)
        for weights, network in networks.items():
            for row in self._measured(source, weights, network, known):
                results["rows"].append(row)
                results |= {name: row[name] for name in ("num_images", "bad_images")}
                write_record(record, with_known(results, known))
        return with_known(results, known)

    def _check_counts(self, source: Source) -> None:
        """Refuses too small classes before features are computed for them."""
        split = source.whole()
        if isinstance(split, ListedSplit):  # of others the labels are not known yet
            for n in self.n_train_per_class:
                self._divided(source, split.labels, n)

    def _header(self, source: Source) -> dict:
        return {
            "data": self.data,
            "data_set": data_set(self.data),
            "model": str(self.model),
            "num_images": source.whole().num_examples,
            "bad_images": {"count": 0, "images": {}},
            "num_classes": len(source.class_names),
            "n_folds": self.n_folds,
            "with_background": self.with_background,
            "seed": self.seed,
            "rows": [],
        }

    def _measured(self, source, weights, network, known):
        """Yields the rows of one network, one after the other."""
        split = source.whole()
        key = fingerprint(network, split, self.data, self.dtype)
        plan = [
            (head, layer, n)
            for head, layer in self.rows
            for n in self.n_train_per_class
        ]
        keys = {row: self._key(key, *row) for row in plan}
        missing = [row for row in plan if keys[row] not in known]
        features = None
        bad_images = BadImages(max(split.num_examples, 1), self.max_bad_fraction)
        if missing:
            features = extract(
                network,
                split,
                in_order(layer for _, layer, _ in missing),
                self.cache,
                data=self.data,
                batch_size=self.batch_size,
                dtype=self.dtype,
                bad_images=bad_images,
            )
            images = {
                "num_images": len(features.labels),
                "bad_images": bad_images.to_json(),
            }
        grams = {}
        with tqdm(
            total=len(missing) * self.n_folds,
            desc=f"heads, {weights} network",
            unit=" folds",
            disable=not missing,
        ) as bar:
            for row in plan:
                if keys[row] in known:
                    paper = self._paper(source, weights, row)
                    yield {**known[keys[row]], "paper": paper}
                    continue
                head, layer, n = row
                if layer not in grams:  # one at a time: each may take a gigabyte
                    fits = self.n_folds * sum(of == layer for _, of, _ in missing)
                    grams = {layer: LayerGram(features.layers[layer], fits > 1)}
                bar.set_postfix_str(f"{head} on layer {layer}, {n} a class")
                measured = self._evaluate(source, features, grams[layer], row, bar)
                measured |= images
                yield self._row(source, weights, row, keys[row], measured)

    def _evaluate(self, source, features, gram, row, bar):
        head, _, n = row
        divisions = self._divided(source, features.labels, n)

        def make_head():
            return HEADS[head](random_state=self.seed)

        return evaluate_head(make_head, gram, features.labels, divisions, bar.update)

    def _divided(self, source, labels, n):
        return folds(
            labels,
            n,
            class_names=source.class_names,
            n_folds=self.n_folds,
            with_background=self.with_background,
            seed=self.seed,
        )

    def _row(self, source, weights, row, key, measured) -> dict:
        head, layer, n = row
        return {
            "weights": weights,
            "head": head,
            "layer": layer,
            "n_train_per_class": n,
            **measured,
            "paper": self._paper(source, weights, row),
            "key": key,
        }

    def _paper(self, source, weights, row) -> dict | None:
        """What the paper has for a row: of the trained network on the whole set."""
        if weights != "trained":
            return None
        name = reported_set(self.data, len(source.class_names))
        paper = paper_accuracy(name, *row, by_layer=self.by_layer)
        return None if paper is None else dataclasses.asdict(paper)

    def _key(self, features_key, head, layer, n) -> str:
        """Tells a row from every other that could stand in the same file."""
        settings = [
            FORMAT,
            heads.VERSION,
            features_key,
            head,
            layer,
            n,
            self.n_folds,
            self.with_background,
            self.seed,
            HEADS[head]().get_params(),
        ]
        text = json.dumps(settings, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def randomised(classifier: Classifier, seed: int) -> Classifier:
    """The same network before training."""
    variant = classifier.model.name
    keras.utils.set_random_seed(seed)
    if variant not in VARIANTS:
        model = keras.models.clone_model(classifier.model)
        return dataclasses.replace(classifier, model=model)
    settings = classifier.made.get("config", {}).get("model", {})
    model = ZFNet(
        len(classifier.class_names),
        classifier.model.input_shape[1:],
        variant,
        kernel_initializer=settings.get("kernel_initializer", "he_normal"),
    )
    return dataclasses.replace(classifier, model=model)
