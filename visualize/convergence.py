"""When a layer's features settle, as numbers: similarity, changes, epochs.

Plain NumPy on what was found at each snapshot; no network is run here.
"""

from collections.abc import Sequence

import numpy as np

SETTLED = 0.5  # cosine to the last snapshot from which on a layer counts as settled


def cosine_similarity(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cosine of the angle between two reconstructions, pair by pair.

    Args:
        a: float array (..., height, width, channels).
        b: float array of the same shape.

    Returns:
        float array (...), from -1 to 1: 0 where one of the two is zero everywhere, NaN
        where both are, since a channel that stays silent neither settles nor changes.
    """
    a, b = (np.asarray(x, np.float64).reshape(*x.shape[:-3], -1) for x in (a, b))
    norms = np.linalg.norm(a, axis=-1), np.linalg.norm(b, axis=-1)
    product = norms[0] * norms[1]
    cosine = np.sum(a * b, axis=-1) / np.where(product > 0, product, 1)
    return np.where((norms[0] > 0) | (norms[1] > 0), cosine, np.nan)


def mean_similarity(a: np.ndarray, b: np.ndarray) -> float:
    """Mean of `cosine_similarity` over the pairs that have one; NaN if none has.

    Args:
        a: float array (..., height, width, channels).
        b: float array of the same shape.
    """
    cosines = cosine_similarity(a, b)
    known = cosines[~np.isnan(cosines)]
    return float(known.mean()) if known.size else float("nan")


def changed_share(before: Sequence, after: Sequence) -> float:
    """Share of channels whose strongest image is another one than before.

    Args:
        before: the image's name or number for each channel.
        after: the same channels at the next snapshot.

    Raises:
        ValueError: the two differ in length, or are empty.
    """
    if len(before) != len(after) or not len(before):
        raise ValueError(
            "`before` and `after` must name an image for each of the same channels. "
            f"Received: {len(before)} and {len(after)}."
        )
    return float(np.mean([a != b for a, b in zip(before, after, strict=True)]))


def settled_epoch(
    epochs: Sequence[int], similarity: Sequence[float], bound: float = SETTLED
) -> int | None:
    """The first snapshot from which on the network stays near the last one.

    Args:
        epochs: of the snapshots, rising.
        similarity: to the last snapshot at each of them; its own is 1.
        bound: the least similarity, up to 1, that counts as near.

    Returns:
        An epoch of `epochs`, `None` if the last similarity is not known.
    """
    near = np.asarray(similarity, np.float64) >= bound  # NaN is not
    if not near.size or not near[-1]:
        return None
    far = np.flatnonzero(~near)
    return int(epochs[far[-1] + 1 if len(far) else 0])
