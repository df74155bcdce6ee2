"""Checks the settings of a head; `fit` calls it, not the constructor."""

import math
import numbers
from collections.abc import Collection


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


def _is_above_0(value) -> bool:
    """Whether `value` is a number above 0; infinity and NaN are not."""
    return isinstance(value, numbers.Real) and 0 < value < math.inf
