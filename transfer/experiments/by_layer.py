"""A head on a layer, fold by fold: the rows of Tables 4, 5 and 7."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from transfer.heads.rows import LayerGram, RowHead
from transfer.protocols.accuracy import mean_per_class_accuracy
from transfer.protocols.folds import Fold


def evaluate_head(
    make_head: Callable[[], Any],
    gram: LayerGram,
    labels: np.ndarray,
    folds: Sequence[Fold],
    progress: Callable[[], None] = lambda: None,
) -> dict:
    """Trains and tests a head on every fold.

    Shapes: `labels` (n_images,).
    """
    accuracies, chosen = [], []
    for fold in folds:
        head = RowHead(make_head(), gram, labels).fit(fold.train)
        answers = head.predict(fold.test)
        accuracies.append(mean_per_class_accuracy(labels[fold.test], answers))
        chosen.append(getattr(head.head, "C_", None))
        progress()
    return {
        "accuracies": accuracies,
        "mean": float(np.mean(accuracies)),
        "std": float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else None,
        "C": chosen,
    }
