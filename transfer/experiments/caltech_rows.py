"""The rows of Tables 4, 5 and 7: each is kept as soon as it is measured."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from functools import partial

import keras
from tqdm import tqdm

from transfer import heads
from transfer.experiments.by_layer import evaluate_head
from transfer.experiments.extracting import extract_features
from transfer.experiments.known_rows import known_rows, with_known
from transfer.experiments.whole_network import whole_networks
from transfer.features.cache import FORMAT, fingerprint
from transfer.features.known_network import KnownNetwork
from transfer.features.layer_order import in_order
from transfer.heads.register import make_head
from transfer.heads.rows import LayerGram, check_fits
from transfer.protocols.folds import folds
from transfer.reports.paper import data_set, paper_accuracy, reported_set
from zfkeras.data.split import ListedSplit
from zfkeras.io.provenance import write_record
from zfkeras.models.classifier import Classifier
from zfkeras.models.variants import VARIANTS
from zfkeras.models.zfnet import ZFNet
from zfkeras.passes.context import Context


class CaltechRows:
    """Rows of (head, layer) on one data set with one network.

    `settings` are `CaltechSettings`. `by_layer` says whether the paper's numbers are
    those of Table 7, or of Tables 4 and 5.
    """

    def __init__(
        self,
        context: Context,
        settings,
        rows: Sequence[tuple[str, int | str]],
        by_layer: bool,
    ):
        self.context, self.settings = context, settings
        self.rows, self.by_layer = rows, by_layer
        self.source = context.source(settings.data)
        self.network = KnownNetwork.of(context, settings)

    def measure(self) -> dict:
        """Measures every row that the workdir's record does not hold yet."""
        settings, source = self.settings, self.source
        source.check_one_class_each()
        sizes = self.network.sizes(layer for _, layer in self.rows)
        # At most: it may leave out the background.
        most = max(settings.n_train_per_class) * len(source.class_names)
        check_fits(sizes, most)
        self._check_counts()
        record = self.context.workdir / "caltech.json"
        known = known_rows(record)
        networks = {"trained": self.network}
        if settings.random:
            other = randomised(self.network.classifier, settings.seed)
            networks["random"] = KnownNetwork(lambda: other)
        results = self._header()
        for weights, network in networks.items():
            for row in self._measured(weights, network, known):
                results["rows"].append(row)
                results |= {name: row[name] for name in ("num_images", "bad_images")}
                write_record(record, with_known(results, known))
        results = with_known(results, known)
        for arm in whole_networks(settings):
            classifier, folder = self.network.classifier, self.context.workdir
            results[arm.name] = arm.run(source, classifier, folder)
        return results

    def _check_counts(self) -> None:
        """Refuses too small classes before features are computed for them."""
        split = self.source.whole()
        if isinstance(split, ListedSplit):  # of others the labels are not known yet
            for n in self.settings.n_train_per_class:
                self._divided(split.labels, n)

    def _header(self) -> dict:
        return {
            "data": self.settings.data,
            "data_set": data_set(self.settings.data),
            "model": str(self.settings.model),
            "num_images": self.source.whole().num_examples,
            "bad_images": {"count": 0, "images": {}},
            "num_classes": len(self.source.class_names),
            "n_folds": self.settings.folds,
            "with_background": not self.settings.no_background,
            "seed": self.settings.seed,
            "rows": [],
        }

    def _measured(self, weights, network, known):
        """Yields the rows of one network, one after the other."""
        settings, split = self.settings, self.source.whole()
        dtype = settings.feature_dtype
        key = fingerprint(network.digest, split, settings.data, dtype)
        plan = [
            (head, layer, n)
            for head, layer in self.rows
            for n in settings.n_train_per_class
        ]
        keys = {row: self._key(key, *row) for row in plan}
        missing = [row for row in plan if keys[row] not in known]
        if missing:
            layers = in_order(layer for _, layer, _ in missing)
            features, images = extract_features(
                network, split, layers, settings, settings.data
            )
        grams = {}
        with tqdm(
            total=len(missing) * settings.folds,
            desc=f"heads, {weights} network",
            unit=" folds",
            disable=not missing,
        ) as bar:
            for row in plan:
                if keys[row] in known:
                    yield {**known[keys[row]], "paper": self._paper(weights, row)}
                    continue
                head, layer, n = row
                if layer not in grams:  # one at a time: each may take a gigabyte
                    fits = settings.folds * sum(of == layer for _, of, _ in missing)
                    grams = {layer: LayerGram(features.layers[layer], fits > 1)}
                bar.set_postfix_str(f"{head} on layer {layer}, {n} a class")
                measured = self._evaluate(features.labels, grams[layer], row, bar)
                yield self._row(weights, row, keys[row], {**measured, **images})

    def _evaluate(self, labels, gram, row, bar):
        head, _, n = row

        make = partial(make_head, head, self.settings.seed)
        divisions = self._divided(labels, n)
        return evaluate_head(make, gram, labels, divisions, bar.update)

    def _divided(self, labels, n):
        return folds(
            labels,
            n,
            class_names=self.source.class_names,
            n_folds=self.settings.folds,
            with_background=not self.settings.no_background,
            seed=self.settings.seed,
        )

    def _row(self, weights, row, key, measured) -> dict:
        head, layer, n = row
        return {
            "weights": weights,
            "head": head,
            "layer": layer,
            "n_train_per_class": n,
            **measured,
            "paper": self._paper(weights, row),
            "key": key,
        }

    def _paper(self, weights, row) -> dict | None:
        """Returns the paper's accuracy, of the trained network on the whole set."""
        if weights != "trained":
            return None
        name = reported_set(self.settings.data, len(self.source.class_names))
        paper = paper_accuracy(name, *row, by_layer=self.by_layer)
        return None if paper is None else dataclasses.asdict(paper)

    def _key(self, features_key, head, layer, n) -> str:
        """Tells a row from every other that could stand in the same file."""
        described = [
            FORMAT,
            heads.VERSION,
            features_key,
            head,
            layer,
            n,
            self.settings.folds,
            not self.settings.no_background,
            self.settings.seed,
            make_head(head, 0).get_params(),
        ]
        text = json.dumps(described, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def randomised(classifier: Classifier, seed: int) -> Classifier:
    """Returns the same network with random weights."""
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
