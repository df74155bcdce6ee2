"""What may stand for a head's settings; `fit` asks, not the constructor."""

import math
import numbers
from collections.abc import Collection


def check_above_0(name: str, value) -> None:
    """Refuses what is no number above 0, infinity and NaN among it."""
    if not _is_above_0(value):
        raise ValueError(
            f"`{name}` must be a number above 0. Received: {name}={value!r}."
        )


def check_grid(grid) -> None:
    """Refuses what holds no values to choose C from."""
    is_grid = isinstance(grid, Collection) and len(grid) and all(map(_is_above_0, grid))
    if not is_grid:
        raise ValueError(
            f"`grid` must hold numbers above 0, at least one. Received: grid={grid!r}."
        )


def check_share(name: str, value) -> None:
    """Refuses what is no share of something that leaves a rest."""
    if not (_is_above_0(value) and value < 1):
        raise ValueError(
            f"`{name}` must be a number above 0 and below 1. "
            f"Received: {name}={value!r}."
        )


def _is_above_0(value) -> bool:
    return isinstance(value, numbers.Real) and 0 < value < math.inf
