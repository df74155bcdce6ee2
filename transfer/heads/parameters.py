"""Checks the settings of a head; `fit` calls it, not the constructor."""

import math
import numbers
from collections.abc import Collection

import numpy as np


def check_parameters(head) -> None:
    """Raises `ValueError` for a setting out of range."""
    share, grid = head.validation_fraction, head.grid
    is_share = _is_above_0(share) and share < 1
    is_grid = isinstance(grid, Collection) and len(grid) > 0
    for name, is_allowed, expected in (
        ("C", head.C is None or _is_above_0(head.C), "a number above 0"),
        ("grid", is_grid and all(map(_is_above_0, grid)), "numbers above 0"),
        ("tol", _is_above_0(head.tol), "a number above 0"),
        ("validation_fraction", is_share, "above 0 and below 1"),
    ):
        if not is_allowed:
            received = f"{name}={getattr(head, name)!r}"
            raise ValueError(f"`{name}` must be {expected}. Received: {received}.")


def checked_weight(sample_weight, n_samples: int) -> np.ndarray:
    """Returns float32 (n_samples,), ones for `None`; or raises `ValueError`."""
    if sample_weight is None:
        return np.ones(n_samples, np.float32)
    weight = np.asarray(sample_weight, np.float32)
    if weight.shape != (n_samples,) or not ((weight >= 0) & np.isfinite(weight)).all():
        raise ValueError(
            f"`sample_weight` must be ({n_samples},) finite numbers from 0. Received: "
            f"sample_weight.shape={weight.shape}, sample_weight={sample_weight!r:.200}."
        )
    if not weight.any():
        raise ValueError("`sample_weight` must not be zero for all. Received: zeros.")
    return weight


def _is_above_0(value) -> bool:
    """Whether `value` is a number above 0; infinity and NaN are not."""
    return isinstance(value, numbers.Real) and 0 < value < math.inf
