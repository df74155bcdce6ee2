"""The part of every map that one unit depends on, cut out and put back.

A unit at `position` sees in each map below it a window of the same size at every
position: only the windows need to be computed. They may overhang the maps.
"""

import math
import operator
from collections.abc import Sequence

from keras import ops

from visualize.deconvnet.backend import take_of_each
from visualize.deconvnet.graph import Step
from zfkeras.graph.boxes import Boxes, boxes_below

# A part that covers more of its map than this is no gain over the whole map.
WORTHWHILE_SHARE = 0.7


def plan_windows(steps: Sequence[Step], tensor: int) -> dict[int, Boxes | None]:
    """Plans the window of each tensor below a unit of one; `None` for the whole."""
    return boxes_below(steps, tensor, operator.attrgetter("axes"), _joined)


def _joined(window, other, shape):
    """Returns the smallest window around both, `None` if it is nearly the map."""
    if window.stride != other.stride:  # they move apart
        return None
    both = window | other
    return both if both.share(shape) <= WORTHWHILE_SHARE else None


def windows_cost(steps: Sequence[Step], windows) -> tuple[float, float]:
    """Estimates the number of multiplications: (of one unit, of one image)."""
    one_unit = one_image = 0
    for step in steps:
        window = windows[step.outputs[0]]
        if window is None:
            continue
        weights = getattr(step.call.operation, "weights", [])
        height, width, channels = shape = step.input_shapes[0]
        each = channels + sum(math.prod(weight.shape) for weight in weights)
        each /= step.axes[0].stride * step.axes[1].stride
        one_unit += each * math.prod(window.below(step.axes, shape).size)
        one_image += each * height * width
    return one_unit, one_image


def paste(values, window: Boxes, positions, images) -> None:
    """Puts windows into images of zeros; what overhangs is lost.

    values: array (n_pairs, *window.size, channels); positions: int array (n_pairs, 2),
    the unit of each pair; images: the array (height, width, channels) of each.
    """
    for value, position, image in zip(values, positions, images, strict=True):
        top, left, bottom, right = window.box(position)
        y, x = max(top, 0), max(left, 0)
        there = image[y : max(bottom, 0), x : max(right, 0)]
        there[...] = value[y - top :, x - left :][: len(there), : there.shape[1]]


class Cutter:
    """Cuts the windows of units out of maps, and puts them back.

    positions: int tensor (n_pairs, 2), the unit of each pair; rows: int tensor
    (n_pairs,), the image of each pair.
    """

    def __init__(self, positions, rows):
        self.positions = positions
        self.rows = rows

    def cut(self, maps, window: Boxes):
        """Cuts the windows; what lies outside the maps is undefined.

        maps: tensor (n_images, height, width, channels); returns tensor (n_pairs,
        *window.size, channels).
        """
        _, height, width, channels = maps.shape
        y, x = self.places(window)
        y, x = ops.clip(y, 0, height - 1), ops.clip(x, 0, width - 1)
        pixel = (self.rows[:, None] * height + y)[:, :, None] * width + x[:, None, :]
        channels = ops.shape(maps)[3] if channels is None else channels
        return ops.take(ops.reshape(maps, [-1, channels]), pixel, axis=0)

    def inside(self, values, window: Boxes, shape, outside=0.0):
        """Replaces what lies outside maps of a shape.

        values: tensor (n_pairs, *window.size, channels).
        """
        there = are_inside(*self.places(window), shape)[..., None]
        return ops.where(there, values, ops.cast(outside, values.dtype))

    def place(self, values, window: Boxes, shape):
        """Puts windows back into maps of zeros; what overhangs is lost.

        values: tensor (n_pairs, *window.size, channels); returns tensor (n_pairs,
        height, width, channels).
        """
        y, x = self.places(window)
        for axis, places, span in ((1, y, window.rows), (2, x, window.columns)):
            around = [[0, 0]] * 4
            around[axis] = [0, 1]  # one more, of zeros, for all that is outside
            source = ops.arange(shape[axis - 1], dtype="int32")[None, :] - places[:, :1]
            there = (source >= 0) & (source < span.size)
            values = take_of_each(
                ops.pad(values, around), ops.where(there, source, span.size), axis
            )
        return values

    def places(self, window: Boxes) -> list:
        """Returns the row and column numbers (n_pairs, size) of each window."""
        return [
            (self.positions[:, axis] * span.stride + span.start)[:, None]
            + ops.arange(span.size, dtype="int32")[None, :]
            for axis, span in enumerate(window)
        ]


def are_inside(y, x, shape):
    """Says which pixels lie inside a map: bool tensor (n, rows, columns).

    y: int tensor (n, rows); x: int tensor (n, columns).
    """
    rows, columns = (
        (places >= 0) & (places < length)
        for places, length in zip((y, x), shape, strict=False)
    )
    return rows[:, :, None] & columns[:, None, :]
