"""The part of every map that one unit depends on, cut out and put back.

A unit at `position` sees in each map below it a window of the same size at every
position: only the windows need to be computed. They may overhang the maps.
"""

import dataclasses
import math

import tensorflow as tf

from visualize.deconvnet.rules import POINTWISE
from zfkeras.graph.receptive_field import Span

# A window that covers more of its map than this is no gain over the whole map.
WORTHWHILE_SHARE = 0.7


@dataclasses.dataclass(frozen=True)
class Window:
    """The pixels that a unit sees: `start + position * stride`, `size` long."""

    rows: Span  # span along the height
    columns: Span  # span along the width

    @property
    def size(self):
        """(height, width) in pixels of the map."""
        return self.rows.size, self.columns.size

    @property
    def area(self):
        """Number of its pixels."""
        return self.rows.size * self.columns.size

    def below(self, axes, shape):
        """The window in the input of a layer whose output has this window."""
        spans = [
            Span(
                span.start * axis.stride - axis.before(length),
                (span.size - 1) * axis.stride + axis.pool,
                span.stride * axis.stride,
            )
            for span, axis, length in zip(
                (self.rows, self.columns), axes, shape[:2], strict=True
            )
        ]
        return Window(*spans)

    def __or__(self, other):
        """The smallest window around both; `None` where they move apart."""
        pairs = [(self.rows, other.rows), (self.columns, other.columns)]
        if any(a.stride != b.stride for a, b in pairs):
            return None
        return Window(*(a | b for a, b in pairs))

    def margins(self, other):
        """[[top, bottom], [left, right]] pixels by which `other` is larger."""
        pairs = [(self.rows, other.rows), (self.columns, other.columns)]
        return [
            [a.start - b.start, b.start + b.size - a.start - a.size] for a, b in pairs
        ]


#: A single unit at its own position.
UNIT = Window(Span(0, 1, 1), Span(0, 1, 1))


def plan_windows(passes, tensor: int) -> dict[int, Window | None]:
    """The window of every tensor below a unit of one; `None` for the whole tensor."""
    windows = {tensor: UNIT}
    for step, call, rule in reversed(passes):
        window = windows.get(step.outputs[0])
        known = all(
            len(shape) == 3 and None not in shape for shape in call.input_shapes
        )
        axes = rule.axes(call) if window and known else None
        if axes is None:
            windows.update(dict.fromkeys((*step.outputs, *step.inputs)))
            continue
        for number, shape in zip(step.inputs, call.input_shapes, strict=True):
            below = window.below(axes, shape)
            if number in windows:
                other = windows[number]
                below = other and (below | other)
            if below and below.area > WORTHWHILE_SHARE * shape[0] * shape[1]:
                below = None
            windows[number] = below
    return windows


def windows_cost(passes, windows) -> tuple[float, float]:
    """Rough number of multiplications: (of one unit, of one image)."""
    one_unit = one_image = 0
    for step, call, rule in passes:
        window = windows[step.outputs[0]]
        if window is None:
            continue
        axes = rule.axes(call)
        weights = getattr(call.operation, "weights", [])
        shape = call.input_shapes[0]
        each = shape[-1] + sum(math.prod(w.shape) for w in weights)
        each /= axes[0].stride * axes[1].stride
        one_unit += each * window.below(axes, shape).area
        one_image += each * shape[0] * shape[1]
    return one_unit, one_image


class Cutter:
    """Cuts the windows of units out of maps, and puts them back.

    positions: int tensor (n_pairs, 2); rows: int tensor (n_pairs,).
    """

    def __init__(self, positions, rows):
        self.positions = positions
        self.rows = rows

    def cut(self, maps, window: Window):
        """The windows of maps; what lies outside the maps is undefined.

        maps: tensor (n_images, height, width, channels); returns tensor (n_pairs,
        *window.size, channels).
        """
        _, height, width, channels = maps.shape
        y, x = self._places(window)
        y, x = tf.clip_by_value(y, 0, height - 1), tf.clip_by_value(x, 0, width - 1)
        pixel = (self.rows[:, None] * height + y)[:, :, None] * width + x[:, None, :]
        channels = tf.shape(maps)[3] if channels is None else channels
        return tf.gather(tf.reshape(maps, [-1, channels]), pixel)

    def inside(self, values, window: Window, shape, outside=0.0):
        """Replaces what lies outside the maps.

        values: tensor (n_pairs, *window.size, channels).
        """
        (y, x), (height, width) = self._places(window), shape[:2]
        rows, columns = (y >= 0) & (y < height), (x >= 0) & (x < width)
        inside = rows[:, :, None, None] & columns[:, None, :, None]
        return tf.where(inside, values, tf.cast(outside, values.dtype))

    def place(self, values, window: Window, shape):
        """Maps of zeros with the windows where they were cut; overhang is lost.

        values: tensor (n_pairs, *window.size, channels); returns tensor (n_pairs,
        height, width, channels).
        """
        y, x = self._places(window)
        for axis, places, span in ((1, y, window.rows), (2, x, window.columns)):
            around = [[0, 0]] * 4
            around[axis] = [0, 1]  # one more, of zeros, for all that is outside
            source = tf.range(shape[axis - 1])[None, :] - places[:, :1]
            there = (source >= 0) & (source < span.size)
            values = tf.gather(
                tf.pad(values, around),
                tf.where(there, source, span.size),
                axis=axis,
                batch_dims=1,
            )
        return values

    def _places(self, window):
        """Row and column numbers (n_pairs, size) of each window."""
        return [
            self.positions[:, axis, None] * span.stride
            + span.start
            + tf.range(span.size)[None, :]
            for axis, span in enumerate((window.rows, window.columns))
        ]


def is_pointwise(axes) -> bool:
    """Whether a layer works on each position alone."""
    return axes is POINTWISE
