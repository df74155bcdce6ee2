"""Heads on some of a layer's images, tested on others, within a bound of memory.

It chooses nothing: neither images nor layer nor C.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from transfer.heads.base import LinearHead
from transfer.heads.solver.gram import gram_matrix
from zfkeras.errors import UsageError

# Images of which all inner products are held at once: 1 GB.
MAX_GRAM_IMAGES = 16_384
# Bytes of features, as float32, that a head may learn from without inner products.
MAX_FEATURE_BYTES = 4 * 2**30
# Images whose features are in memory at once while they are told apart.
_BLOCK = 256


class LayerGram:
    """The inner products of a layer's features, computed when first asked for.

    Those of all images, once for every head, if they are at most 16,384; else those of
    the images asked for.

    Shapes: `features` (n_images, n_features).
    """

    def __init__(self, features: np.ndarray, for_several: bool = True):
        self.features = features
        self.holds_all = for_several and len(features) <= MAX_GRAM_IMAGES
        self._gram = None

    def among(self, rows: np.ndarray) -> np.ndarray:
        """The inner products of some images, float32 (n_rows, n_rows)."""
        if not self.holds_all:
            return gram_matrix(self.features, rows=rows)
        return self.between(rows, rows)

    def between(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """The inner products of some images with others, where it `holds_all`."""
        if self._gram is None:
            self._gram = gram_matrix(self.features)
        return self._gram[np.ix_(rows, columns)]


class RowHead:
    """A head that learns from some images of a layer and answers for others.

    With fewer images than features a `LinearHead` uses their inner products, so that
    features are only ever read block by block. Other classifiers get the features.

    Shapes: `labels` (n_images,).
    """

    def __init__(self, head: Any, gram: LayerGram, labels: np.ndarray):
        self.head = head
        self._gram = gram
        self._labels = labels
        self._rows = None

    @staticmethod
    def fits(n_train: int, n_features: int) -> bool:
        """Whether so many training images are few enough for memory."""
        return _pays(n_train, n_features) or (
            4 * n_train * n_features <= MAX_FEATURE_BYTES
        )

    def fit(self, rows: np.ndarray) -> "RowHead":
        """Learns from the images at these places; returns self."""
        self._rows = rows
        if self._pays():
            self.head.fit_gram(self._gram.among(rows), self._labels[rows])
        else:
            self.head.fit(np.asarray(self._gram.features[rows]), self._labels[rows])
        return self

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """The labels of the images at these places, (n_rows,)."""
        if self._pays() and self._gram.holds_all:
            return self.head.predict_gram(self._gram.between(rows, self._rows))
        return np.concatenate(
            [
                self._with_coef().predict(np.asarray(self._gram.features[block]))
                for block in np.array_split(rows, -(-len(rows) // _BLOCK))
            ]
        )

    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """Kernel (n_features, n_classes), for raw features, and bias (n_classes,)."""
        head = self._with_coef()
        if not hasattr(head, "coef_"):
            raise UsageError(
                argument="--head",
                received=type(head).__name__,
                expected="a linear one, whose weights a network can hold",
            )
        kernel, bias = head.coef_.T, head.intercept_
        if len(head.classes_) == 2:  # told apart by the sign of one score
            signs = np.float32([-0.5, 0.5])
            kernel, bias = kernel * signs, bias * signs
        return kernel, bias

    def _pays(self) -> bool:
        takes_grams = isinstance(self.head, LinearHead)
        return takes_grams and _pays(len(self._rows), self._gram.features.shape[1])

    def _with_coef(self) -> Any:
        """Returns the head with a weight per feature in place of one per sample."""
        if isinstance(self.head, LinearHead) and not hasattr(self.head, "coef_"):
            self.head.weigh_features(self._gram.features, self._rows)
        return self.head


def check_fits(sizes: Mapping[int | str, int], n_train: int) -> None:
    """Refuses layers on which a head needs too much memory, before the work."""
    for layer, n_features in sizes.items():
        if not RowHead.fits(n_train, n_features):
            raise UsageError(
                f"layer {layer} has {n_features:,} features, too many for {n_train:,} "
                "training images in memory; choose a higher --layer."
            )


def _pays(n_train: int, n_features: int) -> bool:
    """Whether heads on so many images are solved on inner products."""
    return n_train < n_features and n_train <= MAX_GRAM_IMAGES
