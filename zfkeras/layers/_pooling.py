"""Pooling, its inverse and the way from one to the other, fused by XLA.

A maximum's place is kept in two forms. An *offset* (row * pool_width + column inside
the window, one byte) is what the kernels work on: neither direction then needs a
scatter or a gather, only strided slices and selects, which XLA fuses into one loop on
any device. The *argmax* (flat index inside the image) is what people see.

`max_pool` and `unpool` are each other's gradient, to any order.
"""

import functools

import tensorflow as tf

from zfkeras.layers._compiled import Compiled
from zfkeras.layers._windows import Windows, at_least, axis_length


def max_pool(x, windows: Windows):
    """Pools `x` (batch, height, width, channels); returns (pooled, offset)."""
    pool = _kernels(windows)["max_pool"]

    @tf.custom_gradient
    def differentiable(x):
        pooled, offset = pool(x)
        height, width = axis_length(x, 1), axis_length(x, 2)

        def gradient(d_pooled, _=None):
            return unpool(d_pooled, offset, height, width, windows)

        return (pooled, offset), gradient

    return differentiable(x)


def max_pool_only(x, windows: Windows):
    """Does `max_pool` without its gradient, which a graph would keep for ever."""
    return _kernels(windows)["max_pool"](x)


def max_pool_values(x, windows: Windows):
    """Does `max_pool` without offsets, by TensorFlow's own pool where it is exact."""
    return tf.cond(
        # It hides NaN and -inf, and so does no sum.
        tf.math.is_finite(tf.reduce_sum(x)),
        lambda: tf.nn.max_pool2d(
            x, windows.pool_size, windows.strides, windows.padding.upper()
        ),
        lambda: max_pool_only(x, windows)[0],
    )


def unpool_only(pooled, offset, height, width, windows: Windows):
    """Does `unpool` without its gradient."""
    return _kernels(windows)["unpool"](pooled, offset, height, width)


def unpool(pooled, offset, height, width, windows: Windows):
    """Adds each value of `pooled` into zeros at its place; inverse of `max_pool`."""
    kernels = _kernels(windows)

    @tf.custom_gradient
    def differentiable(pooled):
        image = kernels["unpool"](pooled, offset, height, width)
        return image, lambda d_image: pick(d_image, offset, windows)

    return differentiable(pooled)


def pick(image, offset, windows: Windows):
    """Reads `image` at the places `offset` names; the transpose of `unpool`."""
    kernels = _kernels(windows)

    @tf.custom_gradient
    def differentiable(image):
        height, width = axis_length(image, 1), axis_length(image, 2)
        values = kernels["pick"](image, offset)
        return values, lambda d: unpool(d, offset, height, width, windows)

    return differentiable(image)


def argmax_from_offset(offset, height, width, windows: Windows):
    """Returns the flat int64 index (y * width + x) * channels + c of each maximum."""
    return _kernels(windows)["to_argmax"](offset, height, width)


def offset_from_argmax(argmax, height, width, windows: Windows):
    """Returns each argmax's offset; outside its own window, one that never matches."""
    return _kernels(windows)["to_offset"](argmax, height, width)


@functools.lru_cache(maxsize=32)
def _kernels(windows):
    """Returns one compiled function each per kind of window."""
    plain = {
        "max_pool": _max_pool,
        "unpool": _unpool,
        "pick": _pick,
        "to_argmax": _to_argmax,
        "to_offset": _to_offset,
    }
    return {
        name: Compiled(functools.partial(f, windows=windows))
        for name, f in plain.items()
    }


def _offset_type(windows):
    # One value more than there are places: the offset that matches none.
    pool_height, pool_width = windows.pool_size
    return tf.uint8 if pool_height * pool_width < 255 else tf.int32


def _nowhere(windows):
    return windows.pool_size[0] * windows.pool_size[1]


def _places(windows):
    """Returns (row, column, offset) of each place in a window, in reading order."""
    pool_height, pool_width = windows.pool_size
    return [
        (row, column, row * pool_width + column)
        for row in range(pool_height)
        for column in range(pool_width)
    ]


def _window_starts(offset, height, width, windows):
    """Returns each window's first row and column in the image, broadcastable."""
    rows, columns = windows.axes
    top = tf.range(axis_length(offset, 1)) * rows.stride - rows.before(height)
    left = tf.range(axis_length(offset, 2)) * columns.stride - columns.before(width)
    return top[:, None, None], left[None, :, None]


def _padded(x, windows, value):
    """Pads `x` so that every window lies inside."""
    paddings = [[0, 0]]
    for number, axis in zip((1, 2), windows.axes, strict=True):
        length = axis_length(x, number)
        before = axis.before(length)
        covered = (axis.output(length) - 1) * axis.stride + axis.pool
        paddings.append([before, at_least(covered - length - before, 0)])
    return tf.pad(x, [*paddings, [0, 0]], constant_values=value)


def _at_place(padded, row, column, shape, windows):
    """Reads one place of every window: a strided slice."""
    height, width = shape
    rows, columns = windows.axes
    return padded[
        :,
        row : row + (height - 1) * rows.stride + 1 : rows.stride,
        column : column + (width - 1) * columns.stride + 1 : columns.stride,
    ]


def _max_pool(x, windows):
    """Returns (pooled, offset); compares half precision in float32, faster in XLA."""
    wide = tf.cast(x, tf.float32) if x.dtype.size == 2 else x
    pooled, offset = _max_pool_wide(wide, windows)
    return tf.cast(pooled, x.dtype), offset


def _max_pool_wide(x, windows):
    rows, columns = windows.axes
    height, width = axis_length(x, 1), axis_length(x, 2)
    shape = rows.output(height), columns.output(width)
    lowest = tf.constant(float("-inf"), x.dtype)
    padded = _padded(x, windows, lowest)
    # Padding is -inf and loses even against -inf: the first offset is the first place
    # that lies in the image, and only something larger (or NaN) takes it over.
    top = tf.maximum(rows.before(height) - tf.range(shape[0]) * rows.stride, 0)
    left = tf.maximum(columns.before(width) - tf.range(shape[1]) * columns.stride, 0)
    first = (top[:, None] * columns.pool + left[None, :])[None, :, :, None]
    first = tf.cast(first, _offset_type(windows))
    best = None
    for row, column, number in _places(windows):
        value = _at_place(padded, row, column, shape, windows)
        if best is None:
            best, offset = value, tf.broadcast_to(first, tf.shape(value))
            continue
        # NaN wins, too, and then keeps its place. TensorFlow without XLA would rewrite
        # the negation, ~(value <= best), as value > best, which holds for no NaN.
        loses = (value <= best) | (best != best)
        best = tf.where(loses, best, value)
        offset = tf.where(loses, offset, tf.cast(number, offset.dtype))
    return best, offset


def _unpool(pooled, offset, height, width, windows):
    # Half precision is summed in float32: more exact, and XLA's own bfloat16 sums are
    # thirty times slower on a CPU.
    half = pooled.dtype.size == 2
    wide = tf.cast(pooled, tf.float32) if half else pooled
    return tf.cast(_unpool_wide(wide, offset, height, width, windows), pooled.dtype)


def _unpool_wide(pooled, offset, height, width, windows):
    # Seen from the image: row y is place y % stride + m * stride of the window m above
    # y // stride. So each phase (y % stride, x % stride) is a sum over few shifted
    # copies of the windows, and the phases interleave into the image.
    rows, columns = windows.axes
    sizes = axis_length(pooled, 1), axis_length(pooled, 2)
    lengths = (
        _phase_length(rows, sizes[0], height),
        _phase_length(columns, sizes[1], width),
    )
    phases = [
        tf.stack(
            [
                _phase(pooled, offset, row, column, sizes, lengths, windows)
                for column in range(columns.stride)
            ],
            axis=3,
        )
        for row in range(rows.stride)
    ]
    image = tf.reshape(
        tf.stack(phases, axis=2),
        [
            axis_length(pooled, 0),
            lengths[0] * rows.stride,
            lengths[1] * columns.stride,
            axis_length(pooled, 3),
        ],
    )
    top, left = rows.before(height), columns.before(width)
    return image[:, top : top + height, left : left + width]


def _phase_length(axis, windows, length):
    """Strides that cover both the image and every window along an axis."""
    covering_image = -(-(length + axis.before(length)) // axis.stride)
    return at_least(windows + (axis.pool - 1) // axis.stride, covering_image)


def _phase(pooled, offset, row, column, sizes, lengths, windows):
    """Returns the sum of what falls on one phase: (batch, *lengths, channels)."""
    rows, columns = windows.axes
    total = tf.zeros(
        [axis_length(pooled, 0), *lengths, axis_length(pooled, 3)], pooled.dtype
    )
    zero = tf.zeros([], pooled.dtype)
    for y, x, number in _places(windows):
        if y % rows.stride != row or x % columns.stride != column:
            continue
        down, right = y // rows.stride, x // columns.stride
        here = tf.where(offset == tf.cast(number, offset.dtype), pooled, zero)
        total += tf.pad(
            here,
            [
                [0, 0],
                [down, lengths[0] - down - sizes[0]],
                [right, lengths[1] - right - sizes[1]],
                [0, 0],
            ],
        )
    return total


def _pick(image, offset, windows):
    shape = axis_length(offset, 1), axis_length(offset, 2)
    padded = _padded(image, windows, 0)
    values = tf.zeros(tf.shape(offset), image.dtype)
    for row, column, number in _places(windows):
        value = _at_place(padded, row, column, shape, windows)
        values = tf.where(offset == tf.cast(number, offset.dtype), value, values)
    return values


def _to_argmax(offset, height, width, windows):
    pool_width = windows.pool_size[1]
    channels = axis_length(offset, 3)
    top, left = _window_starts(offset, height, width, windows)
    place = tf.cast(offset, tf.int32)
    y = tf.cast(top + place // pool_width, tf.int64)
    x = tf.cast(left + place % pool_width, tf.int64)
    c = tf.range(channels, dtype=tf.int64)
    return (y * tf.cast(width, tf.int64) + x) * tf.cast(channels, tf.int64) + c


def _to_offset(argmax, height, width, windows):
    pool_height, pool_width = windows.pool_size
    channels = tf.cast(axis_length(argmax, 3), argmax.dtype)
    pixels = tf.cast(height, argmax.dtype) * tf.cast(width, argmax.dtype)
    in_image = (argmax >= 0) & (argmax < pixels * channels)
    pixel = tf.cast(argmax // channels, tf.int32)  # fits wherever it is in the image
    top, left = _window_starts(argmax, height, width, windows)
    row, column = pixel // width - top, pixel % width - left
    inside = (row >= 0) & (row < pool_height) & (column >= 0) & (column < pool_width)
    inside &= in_image
    inside &= argmax % channels == tf.range(channels, dtype=argmax.dtype)
    offset = tf.where(inside, row * pool_width + column, _nowhere(windows))
    return tf.cast(offset, _offset_type(windows))
