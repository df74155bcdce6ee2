"""Boxes of pixels in maps, and how layers move them. It touches no pixels."""

import dataclasses
import functools
import operator
from collections.abc import Callable, Iterable

import numpy as np

from zfkeras.errors import UsageError


@dataclasses.dataclass(frozen=True)
class Span:
    """The pixels along one axis that belong to each unit of a layer.

    Args:
        start: first pixel of the unit at 0. For copies of an image with a box each, an
            int array or tensor (n,).
        size: number of pixels, the same for all.
        stride: pixels between one unit and the next; 0 if all have the same pixels.
    """

    start: int
    size: int
    stride: int = 0

    def below(self, axis, length) -> "Span":
        """Returns what a layer reads to compute these pixels of its output.

        `axis`: the layer's windows along the axis; `length`: of its input.
        """
        return Span(
            self.start * axis.stride - axis.before(length),
            (self.size - 1) * axis.stride + axis.pool,
            self.stride * axis.stride,
        )

    def above(self, axis, length, output_length) -> "Span":
        """Returns the pixels of a layer's output that read some of these pixels.

        The span lies inside the output, and is as long as the longest needs.
        """
        start = self.start + axis.before(length)
        first = -((axis.pool - 1 - start) // axis.stride)
        end = (start + self.size - 1) // axis.stride + 1
        first = np.clip(first, 0, output_length - 1)
        size = int(np.max(np.clip(end, first + 1, output_length) - first))
        return Span(np.minimum(first, output_length - size), size)

    def __or__(self, other) -> "Span":
        """Returns the smallest span around both."""
        if self.stride != other.stride:
            raise UsageError(
                argument="model",
                expected="made of branches with equal strides where they meet",
                received=f"strides {self.stride} and {other.stride}",
            )
        start = np.minimum(self.start, other.start)
        end = np.maximum(self.start + self.size, other.start + other.size)
        size = int(np.max(end - start))
        return Span(start if start.ndim else int(start), size, self.stride)


@dataclasses.dataclass(frozen=True)
class Boxes:
    """The pixels of a map that belong to each unit of a layer.

    Args:
        rows: span along the height.
        columns: span along the width.
    """

    rows: Span
    columns: Span

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.rows.size, self.columns.size

    @property
    def stride(self) -> tuple[int, int]:
        """(vertical, horizontal) pixels between neighbouring units; 0 for none."""
        return self.rows.stride, self.columns.stride

    def box(self, position) -> tuple:
        """Returns (top, left, bottom, right) of the unit at (y, x); ends exclusive."""
        y, x = position
        top = self.rows.start + y * self.rows.stride
        left = self.columns.start + x * self.columns.stride
        return top, left, top + self.rows.size, left + self.columns.size

    def below(self, axes, shape) -> "Boxes":
        """Returns what a layer reads for these pixels of its output.

        `axes`: the layer's windows along height and width; `shape`: of its input,
        (height, width, ...).
        """
        return Boxes(
            self.rows.below(axes[0], shape[0]), self.columns.below(axes[1], shape[1])
        )

    def above(self, axes, shape, output_shape) -> "Boxes":
        """Returns the pixels of a layer's output that read some of these pixels."""
        return Boxes(
            self.rows.above(axes[0], shape[0], output_shape[0]),
            self.columns.above(axes[1], shape[1], output_shape[1]),
        )

    def share(self, shape) -> float:
        """Returns the area of a box over that of a map."""
        return self.rows.size * self.columns.size / (shape[0] * shape[1])

    def margins(self, around) -> list:
        """Returns [[top, bottom], [left, right]] by which larger boxes overhang."""
        return [
            [a.start - b.start, b.start + b.size - a.start - a.size]
            for a, b in zip(self, around, strict=True)
        ]

    def __iter__(self):
        return iter((self.rows, self.columns))

    def __or__(self, other) -> "Boxes":
        return Boxes(self.rows | other.rows, self.columns | other.columns)


#: A unit's own pixel.
UNIT = Boxes(Span(0, 1, 1), Span(0, 1, 1))


def boxes_below(
    calls: Iterable,
    tensor: int,
    axes_of: Callable,
    join: Callable = lambda box, other, shape: box | other,
    counts: Callable = lambda call: (True,) * len(call.inputs),
) -> dict[int, Boxes | None]:
    """Follows a unit of one tensor down to everything it depends on.

    Args:
        calls: in the order they run, each with `inputs` and `outputs`, which are
            numbers of tensors, and `input_shapes` without the batch axis.
        tensor: its number.
        axes_of: function from a call to its windows; `None` for the whole tensors.
        join: function from two boxes of one map, and its shape, to boxes for both.
        counts: function from a call to whether each of its inputs counts. Default: all.

    Returns:
        Number of each tensor below -> the pixels that a unit of `tensor` depends on;
        `None` stands for the whole tensor.
    """
    found = {tensor: UNIT}
    for call in reversed([*calls]):
        used = [found[number] for number in call.outputs if number in found]
        if not used:
            continue
        axes = None if None in used else axes_of(call)
        inputs = [*zip(call.inputs, call.input_shapes, counts(call), strict=True)]
        inputs = [(number, shape) for number, shape, is_counted in inputs if is_counted]
        if axes is None:
            found |= dict.fromkeys((*call.outputs, *(number for number, _ in inputs)))
            continue
        read = functools.reduce(operator.or_, used)
        largest = [max(s[axis] for s in call.input_shapes) for axis in (0, 1)]
        for number, shape in inputs:
            below = _broadcast(read, shape, largest).below(axes, shape)
            other = found.get(number, below)
            found[number] = other and join(below, other, shape)
    return found


def _broadcast(boxes, shape, largest):
    """Returns boxes of an input whose one row or column serves the whole output."""
    lengths = zip(boxes, shape[:2], largest, strict=True)
    return Boxes(*(Span(0, 1) if n == 1 < most else span for span, n, most in lengths))
