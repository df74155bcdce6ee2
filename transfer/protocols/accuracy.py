"""Mean per-class accuracy, the score of the Caltech data sets; a fraction."""

import numpy as np


def mean_per_class_accuracy(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Computes the fraction of right answers per class, and the mean over classes.

    This is the score of the Caltech data sets (paper, sec. 5.2). Classes without an
    image are left out.

    Args:
        labels: (n_samples,), numbers or text.
        predictions: (n_samples,), likewise.

    Returns:
        The mean over the classes of `labels`, a fraction of 1.

    Raises:
        ValueError: no labels, or not as many predictions.

    Example:
        >>> mean_per_class_accuracy(["ant", "ant", "bee"], ["ant", "bee", "bee"])
        0.75
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.shape != predictions.shape or labels.ndim != 1 or not len(labels):
        raise ValueError(
            "`predictions` must be as many as `labels`, at least one. Received: "
            f"labels.shape={labels.shape}, predictions.shape={predictions.shape}."
        )
    _, places = np.unique(labels, return_inverse=True)
    right = np.bincount(places, weights=labels == predictions)
    return float((right / np.bincount(places)).mean())
