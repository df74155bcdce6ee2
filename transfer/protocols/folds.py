"""Divides images into training and test images by the protocol of the paper.

Caltech-101 and -256 (paper, sec. 5.2): n random training images per class, at most 50
others of each class for the test, several folds.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from zfkeras.data.sources.caltech import background_label
from zfkeras.errors import UsageError

#: Largest number of test images per class (sec. 5.2: "up to 50").
MAX_TEST_PER_CLASS = 50
NUM_FOLDS = 5


@dataclasses.dataclass(frozen=True, eq=False)
class Fold:
    """One division into disjoint training and test images.

    Shapes: `train` int64 (n_train,), `test` int64 (n_test,).
    """

    train: np.ndarray
    test: np.ndarray


def folds(
    labels: np.ndarray,
    n_train_per_class: int,
    *,
    class_names: Sequence[str],
    n_folds: int = NUM_FOLDS,
    max_test_per_class: int = MAX_TEST_PER_CLASS,
    with_background: bool = True,
    seed: int = 0,
) -> list[Fold]:
    """Divides images at random, class by class, several times.

    For one seed and fold the training images of a smaller `n_train_per_class` are among
    those of a larger one, so that a curve over it compares like with like.

    Shapes: `labels` (n_images,).
    """
    left_out = None if with_background else background_label(class_names)
    kept = [label for label in range(len(class_names)) if label != left_out]
    places = {label: np.flatnonzero(labels == label) for label in kept}
    for label in kept:
        if len(places[label]) <= n_train_per_class:
            raise UsageError(
                f"class {class_names[label]!r} has {len(places[label])} images: too "
                f"few for {n_train_per_class} to learn from and one to test on; lower "
                "--n-train-per-class."
            )
    made = []
    for fold in range(n_folds):
        train, test = [], []
        for label in kept:
            random = np.random.default_rng([seed, fold, label])
            order = random.permutation(places[label])
            train.append(order[:n_train_per_class])
            # From the far end, so that the test does not change with the number.
            test.append(order[n_train_per_class:][::-1][:max_test_per_class])
        made.append(Fold(np.concatenate(train), np.concatenate(test)))
    return made
