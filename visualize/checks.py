"""What users give from Python, checked: whole numbers, images, models, lists of layers.

It runs no network.
"""

import operator
from collections.abc import Sequence

import keras
import numpy as np

from zfkeras.errors import UsageError
from zfkeras.models.layer_calls import is_graph


def whole_number(name: str, value, lowest: int | None = None) -> int:
    """Returns `value` as an integer.

    Args:
        name: what messages call it.
        value: what a user gave.
        lowest: the smallest number allowed. `None` (default): any is.

    Raises:
        UsageError: no whole number, or one below `lowest`.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    is_low = None not in (number, lowest) and number < lowest
    if number is None or isinstance(value, bool) or is_low:
        limit = "" if lowest is None else f" from {lowest}"
        raise UsageError(
            f"`{name}` must be a whole number{limit}. Received: {name}={value!r}."
        )
    return number


def as_numbers(name: str, value) -> np.ndarray:
    """Returns `value` as an array.

    Args:
        name: what messages call it.
        value: what a user gave.

    Raises:
        UsageError: no numbers, such as paths, numbers that are not finite, or images of
            different sizes.
    """
    try:
        array = np.asarray(value)
    except ValueError as err:
        raise UsageError(
            f"`{name}` must all be of one shape. Received: arrays of different shapes."
        ) from err
    if not np.issubdtype(array.dtype, np.number):
        raise UsageError(
            f"`{name}` must be numbers. Received: {name}.dtype={array.dtype}."
        )
    if not np.isfinite(array).all():
        raise UsageError(
            f"`{name}` must be finite. Received: NaN or infinity in {name}."
        )
    return array


def check_graph(model: keras.Model) -> None:
    """Refuses what is no graph of layers.

    Args:
        model: what a user gave.

    Raises:
        UsageError: no functional or sequential model, or one without an input.
    """
    if not is_graph(model):
        raise UsageError(
            "`model` must be a built functional or sequential Keras model. "
            f"Received: {type(model).__name__}."
        )


def list_of_layers(layers: Sequence[int | str]) -> list[int | str]:
    """Returns `layers` as a list.

    Args:
        layers: what a user gave.

    Raises:
        UsageError: a single layer, whose letters would be taken for layers.
    """
    if isinstance(layers, str) or not np.iterable(layers):
        raise UsageError(
            f"`layers` must be a list of layers. Received: layers={layers!r}; for a "
            f"single one write [{layers!r}]."
        )
    return [*layers]
