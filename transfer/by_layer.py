"""A head on a layer, fold by fold: the rows of Tables 4, 5 and 7."""

from collections.abc import Callable, Sequence

import numpy as np

from transfer.heads.base import LinearHead
from transfer.heads.gram import gram_matrix
from transfer.heads.softmax import SoftmaxHead
from transfer.heads.svm import SVMHead
from transfer.metrics import mean_per_class_accuracy
from transfer.protocols import Fold

HEADS: dict[str, type[LinearHead]] = {"svm": SVMHead, "softmax": SoftmaxHead}
# Images up to which all inner products are held at once: 1 GB.
MAX_GRAM_IMAGES = 16_384


class LayerGram:
    """The inner products of a layer's features, computed when first asked for.

    Args:
        features: (n_images, n_features), an array or memory map.
    """

    def __init__(self, features: np.ndarray):
        self.features = features
        self._gram = None

    def pays(self, n_train: int) -> bool:
        """Whether heads on so many images are solved on inner products."""
        n_images, n_features = self.features.shape
        return n_train < n_features and n_images <= MAX_GRAM_IMAGES

    def between(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """The inner products of some images with others, float32."""
        if self._gram is None:
            self._gram = gram_matrix(self.features)
        return self._gram[np.ix_(rows, columns)]


def evaluate_head(
    make_head: Callable[[], LinearHead],
    gram: LayerGram,
    labels: np.ndarray,
    folds: Sequence[Fold],
    progress: Callable[[], None] = lambda: None,
) -> dict:
    """Trains and tests a head on every fold.

    Args:
        make_head: makes a new, unfitted head.
        gram: the layer's features.
        labels: (n_images,).
        folds: the divisions.
        progress: called after each fold.

    Returns:
        {"accuracies": mean per-class accuracy of each fold, "mean", "std" (over folds,
        with one less in the divisor; `None` of a single fold), "C": of each fold}.
    """
    accuracies, chosen = [], []
    for fold in folds:
        head = make_head()
        if gram.pays(len(fold.train)):
            head.fit_gram(gram.between(fold.train, fold.train), labels[fold.train])
            answers = head.predict_gram(gram.between(fold.test, fold.train))
        else:
            head.fit(np.asarray(gram.features[fold.train]), labels[fold.train])
            answers = head.predict(np.asarray(gram.features[fold.test]))
        accuracies.append(mean_per_class_accuracy(labels[fold.test], answers))
        chosen.append(head.C_)
        progress()
    return {
        "accuracies": accuracies,
        "mean": float(np.mean(accuracies)),
        "std": float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else None,
        "C": chosen,
    }
