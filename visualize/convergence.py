"""When a layer's features settle, as numbers: similarity, changes, epochs.

Plain NumPy on what was found at each snapshot; no network is run here.
"""

from collections.abc import Sequence

import numpy as np

SETTLED = 0.9  # of the way from the first snapshot's similarity to the last's, 1


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
    epochs: Sequence[int], similarity: Sequence[float], share: float = SETTLED
) -> int | None:
    """The first epoch from which on the network stays close to the last snapshot.

    Close is a similarity of `share` of the way from the first snapshot's to 1, so that
    layers whose reconstructions never were far apart can be compared with others.

    Args:
        epochs: of the snapshots, rising.
        similarity: to the last snapshot, which itself has 1, at each of them.
        share: 0 to 1.

    Returns:
        An epoch of `epochs`, `None` if a similarity is not known.
    """
    similarity = np.asarray(similarity, np.float64)
    if not len(similarity) or np.isnan(similarity).any():
        return None
    bound = similarity[0] + share * (similarity[-1] - similarity[0])
    far = np.flatnonzero(similarity < bound)
    return int(epochs[far[-1] + 1 if len(far) else 0])
