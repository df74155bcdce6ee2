"""Boxes in the maps of several copies: cuts them and follows them through layers."""

import dataclasses

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True, eq=False)
class Region:
    """A box in the map of each copy, all of one size; they may overhang the map."""

    starts: np.ndarray | tf.Tensor
    size: tuple[int, int]  # (height, width)

    @classmethod
    def around(cls, boxes: np.ndarray) -> "Region":
        """Smallest region that holds boxes from their upper left corners on.

        boxes: int array (n, 4).
        """
        starts, ends = np.split(boxes, 2, axis=1)
        height, width = np.maximum((ends - starts).max(axis=0), 1)
        return cls(starts, (int(height), int(width)))

    def below(self, axes, shape) -> "Region":
        """The pixels that a layer reads for this region of its output."""
        strides = np.array([axis.stride for axis in axes], np.int32)
        before = np.array(_before(axes, shape), np.int32)
        size = [
            (side - 1) * axis.stride + axis.pool
            for side, axis in zip(self.size, axes, strict=True)
        ]
        return Region(self.starts * strides - before, tuple(size))

    def share(self, shape) -> float:
        """Its area over that of a map."""
        return self.size[0] * self.size[1] / (shape[0] * shape[1])


def reached(regions, axes, shapes, output_shape) -> Region:
    """Region of a layer's output that can change with regions of its inputs."""
    firsts, ends = [], []
    strides = np.array([axis.stride for axis in axes])
    pools = np.array([axis.pool for axis in axes])
    for region, shape in zip(regions, shapes, strict=True):
        start = region.starts + np.array(_before(axes, shape))
        firsts.append(-((pools - 1 - start) // strides))
        ends.append((start + region.size - 1) // strides + 1)
    length = np.array(output_shape[:2])
    first = np.clip(np.min(firsts, axis=0), 0, length - 1)
    end = np.clip(np.max(ends, axis=0), first + 1, length)
    size = (end - first).max(axis=0)
    return Region(np.minimum(first, length - size), tuple(size.tolist()))


def cut(maps, wanted: Region, outside=0.0, changed=None):
    """The pixels of a region.

    maps: tensor (n, height, width, channels); returns tensor (n, *wanted.size,
    channels).
    """
    height, width, channels = maps.shape[1:]
    y, x = _pixels(wanted)
    copies = tf.range(tf.shape(y)[0])[:, None]
    # All pixels there are, in one list: a single gather takes them from where they are.
    pixels = [tf.reshape(maps, [-1, channels])]
    first_row = tf.where(tf.shape(maps)[0] > 1, copies * height, 0)
    index = (first_row + y)[:, :, None] * width + x[:, None, :]
    if changed is not None:
        values, region = changed
        rows, columns = y - region.starts[:, :1], x - region.starts[:, 1:]
        place = (copies * region.size[0] + rows)[:, :, None] * region.size[1]
        place += columns[:, None, :] + tf.shape(pixels[0])[0]
        index = tf.where(_inside(rows, columns, region.size), place, index)
        pixels.append(tf.reshape(values, [-1, channels]))
    pixels.append(tf.fill([1, channels], tf.cast(outside, maps.dtype)))
    pixels = tf.concat(pixels, axis=0)
    index = tf.where(_inside(y, x, (height, width)), index, tf.shape(pixels)[0] - 1)
    return tf.gather(pixels, index)


def _before(axes, shape):
    return [axis.before(side) for axis, side in zip(axes, shape[:2], strict=True)]


def _pixels(region):
    """Row and column numbers of a region's pixels, (n, height) and (n, width)."""
    height, width = region.size
    y = region.starts[:, :1] + tf.range(height)[None]
    return y, region.starts[:, 1:] + tf.range(width)[None]


def _inside(rows, columns, size):
    """(n, height, width): which pixels lie inside a map of that size."""
    rows, columns = (
        (places >= 0) & (places < side)
        for places, side in zip((rows, columns), size, strict=True)
    )
    return rows[:, :, None] & columns[:, None, :]
