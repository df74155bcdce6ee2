"""Holds images out of a set, class by class."""

import numpy as np


def drawn(labels: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """Draws a fraction of each class, at least one image if there are two.

    Shapes: `labels` (n_images,), result bool (n_images,).
    """
    chosen = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        number = max(round(fraction * len(places)), 1 if fraction > 0 else 0)
        random = np.random.default_rng([seed, int(label)])
        chosen[random.permutation(places)[: min(number, len(places) - 1)]] = True
    return chosen
