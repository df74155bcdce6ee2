"""How alike two pictures are: cosine, rank correlation and structural similarity.

Pixels outside of an image count for nothing: each picture has a mask of its own. Plain
NumPy and SciPy; no network is run here.
"""

import numpy as np
from scipy.ndimage import uniform_filter
from scipy.stats import rankdata

_WINDOW = 7  # pixels, as Wang et al. (2004) and scikit-image have it for flat windows
_STABLE = 0.01, 0.03  # K1 and K2 of the same paper


def cosines(pictures: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Returns the cosine of all pairs, over the pixels that both have; or NaN.

    pictures: float array (n, height, width, channels), 0 where masks (n, height, width)
    are False; returns float64 array (n, n).
    """
    flat = pictures.reshape(len(pictures), -1).astype(np.float64)
    is_seen = masks.reshape(len(masks), -1).astype(np.float64)
    energy = np.square(pictures, dtype=np.float64).sum(axis=-1)
    shared = energy.reshape(len(pictures), -1) @ is_seen.T  # of row i inside of mask j
    norms = np.sqrt(shared * shared.T)
    return np.where(norms > 0, flat @ flat.T, np.nan) / np.where(norms > 0, norms, 1)


def rank_correlations(
    one: np.ndarray, other: np.ndarray, masks: np.ndarray
) -> np.ndarray:
    """Returns Spearman's rank correlation of each pair, ties at their mean rank.

    one, other: float arrays (n, height, width); masks: bool array of that shape.
    Returns float64 array (n,), NaN where a picture is constant.
    """
    weights = masks.reshape(len(masks), -1).astype(np.float64)
    counts = weights.sum(axis=1, keepdims=True)
    centred = []
    for pictures in (one, other):
        # What lies outside ranks last, so that it moves no other rank.
        values = np.where(masks, pictures, np.inf).reshape(len(masks), -1)
        ranks = rankdata(values, axis=1) * weights
        centred.append((ranks - ranks.sum(axis=1, keepdims=True) / counts) * weights)
    a, b = centred
    norms = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    product = (a * b).sum(axis=1)
    return np.where(norms > 0, product, np.nan) / np.where(norms > 0, norms, 1)


def structural_similarities(
    one: np.ndarray, other: np.ndarray, masks: np.ndarray, data_range: float
) -> np.ndarray:
    """Returns the mean SSIM of each pair, over the windows that lie in the mask.

    The windows are flat squares of 7 pixels, of smaller pictures as large as fits, and
    variances are those of a sample, as in scikit-image. one, other: float arrays
    (n, height, width); masks: bool array of that shape; data_range: largest minus
    smallest value that is possible; returns float64 array (n,), NaN without a window.
    """
    size = min(_WINDOW, *masks.shape[1:])
    size -= 1 - size % 2

    def mean(values):
        inside = size // 2, *(side - size // 2 for side in values.shape[1:])
        means = uniform_filter(values, (1, size, size))
        return means[:, inside[0] : inside[1], inside[0] : inside[2]]

    a, b = one.astype(np.float64), other.astype(np.float64)
    is_whole = mean(masks.astype(np.float64)) > 1 - 0.5 / size**2
    sample = size**2 / max(size**2 - 1, 1)
    mean_a, mean_b = mean(a), mean(b)
    variances = (mean(a * a) - mean_a**2 + mean(b * b) - mean_b**2) * sample
    covariance = (mean(a * b) - mean_a * mean_b) * sample
    first, second = ((k * data_range) ** 2 for k in _STABLE)
    similarity = (2 * mean_a * mean_b + first) * (2 * covariance + second)
    similarity /= (mean_a**2 + mean_b**2 + first) * (variances + second)
    counts = is_whole.sum(axis=(1, 2))
    total = (similarity * is_whole).sum(axis=(1, 2))
    return np.where(counts > 0, total, np.nan) / np.maximum(counts, 1)


def as_maps(pictures: np.ndarray, is_signed: bool) -> np.ndarray:
    """Sums a picture's colours, or their sizes, and divides by the largest size.

    pictures: float array (n, height, width, channels). Returns float64 array (n,
    height, width) from -1 to 1, or from 0 to 1.
    """
    values = pictures.astype(np.float64)
    maps = (values if is_signed else np.abs(values)).sum(axis=-1)
    largest = np.abs(maps).max(axis=(1, 2), keepdims=True)
    return maps / np.where(largest > 0, largest, 1)


#: Adebayo et al. (2018) take both measures of the picture and of its sizes.
LIKENESSES = {
    "rank_of_sizes": (rank_correlations, False),
    "rank": (rank_correlations, True),
    "ssim_of_sizes": (structural_similarities, False),
    "ssim": (structural_similarities, True),
}


def likenesses(
    one: np.ndarray, other: np.ndarray, masks: np.ndarray
) -> dict[str, np.ndarray]:
    """Measures how alike each pair is, in the four ways of `LIKENESSES`.

    one, other: float arrays (n, height, width, channels); masks: bool array (n, height,
    width); returns float64 arrays (n,), NaN where a picture is empty.
    """
    are_there = one.any(axis=(1, 2, 3)) & other.any(axis=(1, 2, 3))
    found = {}
    for name, (measure, is_signed) in LIKENESSES.items():
        pair = (as_maps(pictures, is_signed) for pictures in (one, other))
        more = (1.0 + is_signed,) if measure is structural_similarities else ()
        found[name] = np.where(are_there, measure(*pair, masks, *more), np.nan)
    return found
