"""Numbers as the records of figures hold them: JSON knows no NaN and no infinity."""

import math
from collections.abc import Iterable


def json_number(value) -> float | None:
    """A number, `None` for what is none.

    Args:
        value: of any float type.

    Example:
        >>> [json_number(value) for value in (0.5, float("nan"), float("inf"))]
        [0.5, None, None]
    """
    return float(value) if math.isfinite(value) else None


def json_rows(values: Iterable[Iterable]) -> list[list[float]]:
    """Rows of numbers, each to five digits, which keeps records of maps small.

    Args:
        values: float array (rows, columns), all finite.

    Example:
        >>> json_rows([[1 / 3, 123456.0]])
        [[0.33333, 123460.0]]
    """
    return [[float(f"{value:.5g}") for value in row] for row in values]
