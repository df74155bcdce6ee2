"""Numbers as the records of figures hold them: JSON knows no NaN and no infinity."""

import math
from collections.abc import Iterable


def json_number(value) -> float | None:
    """Returns a float, or `None` for NaN and infinity, which JSON does not have."""
    return float(value) if math.isfinite(value) else None


def json_rows(values: Iterable[Iterable]) -> list[list[float]]:
    """Rounds rows of numbers to five digits, which keeps records of maps small.

    values: float array (rows, columns).
    """
    return [[float(f"{value:.5g}") for value in row] for row in values]
