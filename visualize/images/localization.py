"""How well a map of an image finds an object whose mask is known."""

import numpy as np
from scipy.stats import rankdata


def localization(importance: np.ndarray, mask: np.ndarray) -> dict:
    """Returns how much of a map is on the object, beside chance, and the ROC AUC.

    Chance is the object's share of the image. importance: float array (height, width);
    mask: bool array (height, width).
    """
    importance, mask = np.asarray(importance, np.float64), np.asarray(mask, bool)
    above = np.maximum(importance, 0)
    total = above.sum()
    return {
        "share_on_object": float(above[mask].sum() / total) if total > 0 else None,
        "chance": float(mask.mean()),
        "area_under_curve": _area_under_curve(importance, mask),
    }


def shares_on(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Returns the share of each map's positive sum on each mask, or NaN.

    maps: float array (n, height, width); masks: bool array (m, height, width); returns
    float32 array (n, m).
    """
    above = np.maximum(maps, 0, dtype=np.float32).reshape(len(maps), -1)
    total = above.sum(axis=1, keepdims=True)
    total[total <= 0] = np.nan
    return (above / total) @ masks.reshape(len(masks), -1).T.astype(np.float32)


def _area_under_curve(values, mask) -> float:
    """Computes the rank sum of Mann and Whitney, ties at their mean rank."""
    ranks = rankdata(values, axis=None).reshape(mask.shape)
    on, off = mask.sum(), (~mask).sum()
    return float((ranks[mask].sum() - on * (on + 1) / 2) / (on * off))
