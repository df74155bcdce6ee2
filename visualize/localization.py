"""How well a map of an image finds an object whose mask is known."""

import numpy as np

from zfkeras.errors import UsageError


def localization(importance: np.ndarray, mask: np.ndarray) -> dict:
    """Share of a map's sum on the object, the object's area, and the ROC area.

    importance: float array (height, width); mask: bool array (height, width).
    """
    importance, mask = np.asarray(importance, np.float64), np.asarray(mask, bool)
    if importance.shape != mask.shape or not 0 < mask.sum() < mask.size:
        raise UsageError(
            "`mask` must be of the map's shape, and true at some of its pixels. "
            f"Received: mask.shape={mask.shape}, importance.shape={importance.shape}, "
            f"{mask.mean():.0%} true."
        )
    above = np.maximum(importance, 0)
    total = above.sum()
    return {
        "share_on_object": float(above[mask].sum() / total) if total > 0 else None,
        "chance": float(mask.mean()),
        "area_under_curve": _area_under_curve(importance, mask),
    }


def shares_on(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Share of each map's positive sum on each mask; NaN for maps whose sum is 0.

    maps: float array (n, height, width); masks: bool array (m, height, width); returns
    float32 array (n, m).
    """
    if maps.ndim != 3 or masks.ndim != 3 or maps.shape[1:] != masks.shape[1:]:
        raise UsageError(
            "`masks` must be (m, height, width) of the maps' size. "
            f"Received: masks.shape={masks.shape}, maps.shape={maps.shape}."
        )
    above = np.maximum(maps, 0, dtype=np.float32).reshape(len(maps), -1)
    total = above.sum(axis=1, keepdims=True)
    total[total <= 0] = np.nan
    return (above / total) @ masks.reshape(len(masks), -1).T.astype(np.float32)


def _area_under_curve(values, mask) -> float:
    """The rank sum of Mann and Whitney, ties at their mean rank."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place].reshape(mask.shape)
    on, off = mask.sum(), (~mask).sum()
    return float((ranks[mask].sum() - on * (on + 1) / 2) / (on * off))
