"""Divides training samples into some to learn from and some to choose C on."""

import numpy as np

# With fewer samples of a class than this, one division is too noisy.
FEW = 10
# So is one that holds out fewer: of 60 samples, one more is 1.7 % more accuracy.
ENOUGH = 500
FOLDS = 5


def divisions(labels: np.ndarray, fraction: float, seed: int) -> list:
    """Divides samples, class by class, into some to learn from and some to choose on.

    One division that holds out `fraction` of each class, at least one sample; if that
    is under 500 samples, or a class has under 10, up to five divisions that between
    them hold out every sample once. A class of one sample is always learnt from.

    Shapes: `labels` (n_samples,).
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    sizes = np.bincount(labels)
    counts = sizes[labels[order]]
    rank = np.arange(len(order)) - (np.cumsum(sizes) - sizes)[labels[order]]
    if (sizes > 1).sum() < 2:
        return []
    smallest = counts[counts > 1].min()
    share = np.maximum(1, np.round(fraction * counts))
    held_out = [(rank < np.minimum(share, counts - 1))]
    if smallest < FEW or held_out[0].sum() < ENOUGH:
        n_folds = min(FOLDS, smallest)
        held_out = [(rank % n_folds == k) & (counts > 1) for k in range(n_folds)]
    return [(np.sort(order[~out]), np.sort(order[out])) for out in held_out]
