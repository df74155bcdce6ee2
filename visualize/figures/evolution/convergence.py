"""Measures when a layer's features settle: similarity, changes, epochs."""

from collections.abc import Sequence

import numpy as np

SETTLED = 0.5  # cosine to the last snapshot from which on a layer counts as settled


def cosine_similarity(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Returns the cosine of each pair: 0 if one is all zeros, NaN if both are.

    a: float array (..., height, width, channels); returns float array (...).
    """
    a, b = (np.asarray(x, np.float64).reshape(*x.shape[:-3], -1) for x in (a, b))
    norms = np.linalg.norm(a, axis=-1), np.linalg.norm(b, axis=-1)
    product = norms[0] * norms[1]
    cosine = np.sum(a * b, axis=-1) / np.where(product > 0, product, 1)
    return np.where((norms[0] > 0) | (norms[1] > 0), cosine, np.nan)


def mean_similarity(a: np.ndarray, b: np.ndarray) -> float:
    """Averages `cosine_similarity` over the pairs that have one; NaN without any.

    a: float array (..., height, width, channels).
    """
    cosines = cosine_similarity(a, b)
    known = cosines[~np.isnan(cosines)]
    return float(known.mean()) if known.size else float("nan")


def changed_share(before: Sequence, after: Sequence) -> float:
    """Returns the share of channels whose strongest image has changed."""
    return float(np.mean([a != b for a, b in zip(before, after, strict=True)]))


def settled_epoch(
    epochs: Sequence[int], similarity: Sequence[float], bound: float = SETTLED
) -> int | None:
    """Returns the first epoch from which the similarity stays at least `bound`."""
    near = np.asarray(similarity, np.float64) >= bound  # NaN is not
    if not near.size or not near[-1]:
        return None
    far = np.flatnonzero(~near)
    return int(epochs[far[-1] + 1 if len(far) else 0])
