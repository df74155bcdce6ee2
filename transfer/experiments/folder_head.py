"""A head for anybody's photographs: it chooses a layer, trains and tests.

It reports what images say that the head has never seen; the layer and C are chosen on
training images alone.
"""

import dataclasses
import hashlib
import json
import logging

import numpy as np
from tqdm import tqdm

from transfer import heads
from transfer.experiments.extracting import extract_features
from transfer.experiments.folder_images import Images, divide, names_at, test_split
from transfer.features.assembly import attach_head
from transfer.features.cache import fingerprint
from transfer.features.extraction import Features
from transfer.features.known_network import KnownNetwork
from transfer.features.layers import all_layers
from transfer.heads.register import make_head
from transfer.heads.rows import LayerGram, RowHead, check_fits
from transfer.protocols.accuracy import mean_per_class_accuracy
from transfer.protocols.holdout import drawn
from zfkeras.models.classifier import Classifier
from zfkeras.passes.context import Context
from zfkeras.records.settings import settings_to_json

logger = logging.getLogger(__name__)

# Share of each class's training images on which the layer is chosen.
_CHOICE_FRACTION = 0.2
# Mistakes that the results name.
_NAMED = 100
# Settings that the results do not depend on.
_IRRELEVANT = (
    "batch_size",
    "cache",
    "engine",
    "max_bad_fraction",
    "predict",
    "scheduler",
    "workers",
)


class FolderHead:
    """A head on a layer of a trained network, for the classes of a folder.

    `settings` are `FolderSettings`. It refuses at once what cannot be carried out.
    """

    def __init__(self, context: Context, settings):
        self.settings = settings
        self.data = f"folder:{settings.path}"
        self.source = context.source(self.data)
        self.network = KnownNetwork.of(context, settings)
        self.layers = self._fitting_layers()

    def key(self) -> str:
        """Returns a name for everything that the results depend on."""
        settings = settings_to_json(self.settings)
        for name in _IRRELEVANT:
            del settings[name]
        dtype = self.settings.feature_dtype
        prints = [
            fingerprint(self.network.digest, split, self._called(name), dtype)
            for name, split in sorted(self.source.splits.items())
        ]
        text = json.dumps([heads.VERSION, settings, prints])
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def run(self) -> tuple[Classifier, dict]:
        """Chooses the layer, trains the head and tests it."""
        tally = {"bad_images": {"count": 0, "images": {}}, "threads": []}
        train, test, left_out = divide(
            self.source,
            lambda name: self._extract(name, tally),
            self.settings.test_fraction,
            self.settings.seed,
        )
        chosen, scores = self._choose_layer(train)
        head = self._head(train, chosen).fit(train.rows)
        answers = self._answers(train, test, head, chosen)
        new = attach_head(
            self.network.classifier, chosen, head, self.source.class_names
        )
        results = {
            "data": self.data,
            "model": str(self.settings.model),
            "class_names": list(self.source.class_names),
            "layer": chosen,
            "layers": scores,
            "head": self.settings.head,
            "C": head.head.C_,
            "num_train": len(train.rows),
            **self._scores(test, answers),
            "copies_of_test_images": left_out,
            **tally,
        }
        made = {**new.made, "head": results["head"], "C": results["C"]}
        made["errors"] = {"top1_error": 1 - results["accuracy"]}
        return dataclasses.replace(new, made=made), results

    def _fitting_layers(self) -> list[int | str]:
        """Returns the given layer, or all layers that fit into memory."""
        settings, network = self.settings, self.network
        given = settings.layer is not None
        layers = [settings.layer] if given else all_layers(network.classifier.model)
        sizes = network.sizes(layers)
        n_train = self.source.split("train").num_examples
        if test_split(self.source) is None:
            n_train = round(n_train * (1 - settings.test_fraction))
        if given:
            check_fits(sizes, n_train)
            return layers
        fitting = [name for name in layers if RowHead.fits(n_train, sizes[name])]
        for name in {*layers} - {*fitting}:
            logger.info("layer %s is left out: too large for memory", name)
        check_fits({layers[-1]: sizes[layers[-1]]} if not fitting else {}, n_train)
        return fitting

    def _extract(self, name: str, tally: dict) -> Features:
        split = self.source.split(name)
        features, images = extract_features(
            self.network, split, self.layers, self.settings, self.data, name
        )
        bad_images = tally["bad_images"]
        bad_images["count"] += split.num_examples - images["num_images"]
        bad_images["images"].update(images["bad_images"]["images"])
        tally["threads"] = sorted({*tally["threads"], *images["threads"]})
        return features

    def _called(self, split_name: str) -> str:
        return f"{self.data} {split_name}"

    def _choose_layer(self, train: Images) -> tuple[int | str, dict]:
        """Returns a layer, and each layer's accuracy on held-out training images.

        Of layers as good as each other the highest: its features are the fewest.
        """
        if len(self.layers) == 1:
            return self.layers[0], {}
        out = drawn(train.labels, _CHOICE_FRACTION, self.settings.seed)
        scores = {}
        if len(np.unique(train.labels[out])) < 2:  # nothing to choose by
            return self.layers[-1], scores
        learnt, held_out = train.rows[~out], train.rows[out]
        for layer in tqdm(self.layers, desc="choosing the layer", unit=" layers"):
            head = self._head(train, layer).fit(learnt)
            labels = train.features.labels[held_out]
            scores[layer] = mean_per_class_accuracy(labels, head.predict(held_out))
        return max(reversed(self.layers), key=scores.get), scores

    def _head(self, train: Images, layer: int | str) -> RowHead:
        head = make_head(self.settings.head, self.settings.seed)
        gram = LayerGram(train.features.layers[layer], for_several=False)
        return RowHead(head, gram, train.features.labels)

    @staticmethod
    def _answers(train, test, head: RowHead, layer: int | str) -> np.ndarray:
        if test.features is train.features:
            return head.predict(test.rows)
        kernel, bias = head.weights()
        features = test.features.layers[layer]
        return np.concatenate(
            [
                (features[rows] @ kernel + bias).argmax(axis=1)
                for rows in np.array_split(test.rows, -(-len(test.rows) // 256))
            ]
        )

    def _scores(self, test: Images, answers: np.ndarray) -> dict:
        class_names = self.source.class_names
        split = self.source.split(test.split)
        names = names_at(split, test.positions)
        confusion = np.zeros((len(class_names),) * 2, np.int64)
        np.add.at(confusion, (test.labels, answers), 1)
        counts = confusion.sum(axis=1)
        accuracies = np.diagonal(confusion) / np.maximum(counts, 1)
        wrong = np.flatnonzero(answers != test.labels)
        return {
            "num_test": len(answers),
            "accuracy": float(np.mean(answers == test.labels)),
            "mean_per_class_accuracy": mean_per_class_accuracy(test.labels, answers),
            "class_accuracies": [
                float(accuracy) if count else None
                for accuracy, count in zip(accuracies, counts, strict=True)
            ],
            "confusion": confusion.tolist(),
            "mistakes": [
                {
                    "file": names[row],
                    "class": class_names[test.labels[row]],
                    "answer": class_names[answers[row]],
                }
                for row in wrong[:_NAMED]
            ],
        }
