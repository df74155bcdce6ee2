"""Checks of arguments that users give: whole numbers, images, models, layers."""

import operator
from collections.abc import Sequence

import numpy as np

from zfkeras.errors import UsageError


def whole_number(name: str, value, lowest: int | None = None) -> int:
    """Returns `value` as an int of at least `lowest`, or raises `UsageError`."""
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    is_low = None not in (number, lowest) and number < lowest
    if number is None or isinstance(value, bool) or is_low:
        limit = "" if lowest is None else f" from {lowest}"
        raise UsageError(
            argument=name, expected=f"a whole number{limit}", received=repr(value)
        )
    return number


def as_numbers(name: str, value) -> np.ndarray:
    """Returns `value` as an array of finite numbers, or raises `UsageError`."""
    try:
        array = np.asarray(value)
    except ValueError as err:
        raise UsageError(
            argument=name, expected="of one shape", received="arrays of several shapes"
        ) from err
    if not np.issubdtype(array.dtype, np.number):
        raise UsageError(
            argument=name, expected="numbers", received=f"dtype={array.dtype}"
        )
    if not np.isfinite(array).all():
        raise UsageError(
            argument=name, expected="finite", received="NaN or infinity in it"
        )
    return array


def list_of_layers(layers: Sequence[int | str]) -> list[int | str]:
    """Returns `layers` as a list; a single layer is a `UsageError`."""
    if isinstance(layers, str) or not np.iterable(layers):
        raise UsageError(
            argument="layers",
            expected="a list of layers",
            received=repr(layers),
            remedy=f"For a single one write [{layers!r}].",
        )
    return [*layers]
