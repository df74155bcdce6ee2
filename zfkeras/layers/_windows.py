"""Sizes and paddings of pooling windows, along one axis or both.

Lengths may be whole numbers, scalar tensors or `None`; it touches no pixels.
"""

import dataclasses
import operator
from collections.abc import Iterable

from keras import ops
from keras.backend import backend


def standardize_pair(value, name):
    """Returns `value`, one whole number or two, as a pair of numbers above 0."""
    pair = tuple(value) if isinstance(value, Iterable) else (value, value)
    try:
        pair = tuple(operator.index(number) for number in pair)
    except TypeError:  # not whole numbers
        pair = ()
    if len(pair) != 2 or min(pair) < 1:
        raise ValueError(
            f"`{name}` must be a positive integer or a pair of them. "
            f"Received: {name}={value!r}."
        )
    return pair


def standardize_padding(padding):
    """Returns `padding` in lower case."""
    lowered = padding.lower() if isinstance(padding, str) else padding
    if lowered not in ("valid", "same"):
        raise ValueError(
            f"`padding` must be 'valid' or 'same'. Received: padding={padding!r}."
        )
    return lowered


def axis_length(tensor, axis):
    """Returns an axis's length: an int where it is known, else a scalar tensor."""
    return ops.shape(tensor)[axis]


def ceil_divide(length, stride):
    """Divides and rounds up; without negatives, which ONNX would round to zero."""
    return (length + stride - 1) // stride


def at_least(value, floor):
    """Returns the larger of the two, for whole numbers and tensors alike."""
    numbers = value, floor
    is_tensor = any(not isinstance(number, int) for number in numbers)
    if is_tensor and backend() == "tensorflow":  # others know every length
        return ops.maximum(*numbers)
    return max(numbers)


@dataclasses.dataclass(frozen=True)
class Axis:
    """The windows along one axis, as TensorFlow's pooling places them.

    `padding`: "valid", "same", or the pixels by which the first window overhangs.
    """

    pool: int
    stride: int
    padding: str | int

    def output(self, length):
        """Returns the number of windows over `length` pixels; `None` for `None`."""
        if length is None:
            return None
        if self.padding == "same":
            return ceil_divide(length, self.stride)
        return (length - self.pool) // self.stride + 1

    def before(self, length):
        """Pixels by which the first window overhangs at the top or left."""
        if self.padding != "same":
            return 0 if self.padding == "valid" else self.padding
        covered = (self.output(length) - 1) * self.stride + self.pool
        return at_least(covered - length, 0) // 2

    def natural_length(self, windows):
        """Returns the length that `Unpool` takes when it is told none.

        It is the smallest that "valid" windows fill, and the largest, which is the
        whole multiple of the stride, that "same" windows can have come from.
        """
        if windows is None:
            return None
        if self.padding == "same":
            return windows * self.stride
        return (windows - 1) * self.stride + self.pool


@dataclasses.dataclass(frozen=True)
class Windows:
    """The pooling windows of a layer. Hashable, so that compiled functions cache."""

    pool_size: tuple[int, int]
    strides: tuple[int, int]
    padding: str

    @classmethod
    def of(cls, pool_size, strides, padding):
        """Checks and normalises a layer's arguments. `strides=None`: `pool_size`."""
        pool_size = standardize_pair(pool_size, "pool_size")
        strides = pool_size if strides is None else standardize_pair(strides, "strides")
        return cls(pool_size, strides, standardize_padding(padding))

    @property
    def axes(self):
        """Returns the windows along height and along width."""
        return tuple(
            Axis(pool, stride, self.padding)
            for pool, stride in zip(self.pool_size, self.strides, strict=True)
        )

    def output_shape(self, shape):
        """Returns (batch, height, width, channels) of the pooled maps."""
        batch, height, width, channels = shape
        rows, columns = self.axes
        output = (batch, rows.output(height), columns.output(width), channels)
        if any(size is not None and size < 1 for size in output[1:3]):
            raise ValueError(
                f"Windows of pool_size={self.pool_size} do not fit into the input. "
                f"Received: input shape={tuple(shape)}."
            )
        return output

    @property
    def config(self):
        """Returns the arguments as a layer's `get_config` gives them."""
        return dataclasses.asdict(self)
