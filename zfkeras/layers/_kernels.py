"""The kernels of pooling and unpooling, in operations that every backend has.

Neither direction needs a scatter or a gather, only strided slices and selects, which
XLA fuses into one loop on any device. No gradient is defined here.
"""

from keras import ops
from keras.backend import standardize_dtype

from zfkeras.layers._backend import index_type
from zfkeras.layers._windows import at_least, axis_length, ceil_divide

_HALF = ("bfloat16", "float16")


def widened(x):
    """Returns half precision as float32."""
    return ops.cast(x, "float32") if standardize_dtype(x.dtype) in _HALF else x


def offset_type(windows):
    """Returns the type of offsets: one byte, if it can name each place and none."""
    pool_height, pool_width = windows.pool_size
    return "uint8" if pool_height * pool_width < 255 else "int32"


def nowhere(windows):
    """Returns the offset that names no place."""
    return windows.pool_size[0] * windows.pool_size[1]


def _places(windows):
    """Returns (row, column, offset) of each place in a window, in reading order."""
    pool_height, pool_width = windows.pool_size
    return [
        (row, column, row * pool_width + column)
        for row in range(pool_height)
        for column in range(pool_width)
    ]


def window_starts(shape, height, width, windows):
    """Returns each window's first row and column in the image, broadcastable.

    `shape`: how many windows there are, down and across.
    """
    rows, columns = windows.axes
    top = ops.arange(shape[0], dtype="int32") * rows.stride - rows.before(height)
    left = ops.arange(shape[1], dtype="int32") * columns.stride - columns.before(width)
    return top[:, None, None], left[None, :, None]


def map_shape(maps):
    """Returns (height, width) of maps (batch, height, width, channels)."""
    return axis_length(maps, 1), axis_length(maps, 2)


def padded(x, windows, value):
    """Pads `x` so that every window lies inside."""
    if windows.padding == "valid":
        return x
    paddings = [[0, 0]]
    for number, axis in zip((1, 2), windows.axes, strict=True):
        length = axis_length(x, number)
        before = axis.before(length)
        covered = (axis.output(length) - 1) * axis.stride + axis.pool
        paddings.append([before, at_least(covered - length - before, 0)])
    return ops.pad(x, [*paddings, [0, 0]], constant_values=value)


def _at_place(image, row, column, shape, windows):
    """Reads one place of every window: a strided slice."""
    height, width = shape
    rows, columns = windows.axes
    return image[
        :,
        row : row + (height - 1) * rows.stride + 1 : rows.stride,
        column : column + (width - 1) * columns.stride + 1 : columns.stride,
    ]


def max_pool(x, windows):
    """Returns (pooled, offset); compares half precision in float32, faster in XLA."""
    pooled, offset = _compare(widened(x), windows)
    return ops.cast(pooled, x.dtype), offset


def _compare(x, windows):
    rows, columns = windows.axes
    height, width = map_shape(x)
    shape = rows.output(height), columns.output(width)
    image = padded(x, windows, float("-inf"))
    # Padding is -inf and loses even against -inf: the first offset is the first place
    # that lies in the image, and only something larger (or NaN) takes it over.
    top, left = window_starts(shape, height, width, windows)
    first = ops.maximum(-top, 0) * columns.pool + ops.maximum(-left, 0)
    first = ops.cast(first, offset_type(windows))[None]
    best = None
    for row, column, number in _places(windows):
        value = _at_place(image, row, column, shape, windows)
        if best is None:
            best, offset = value, ops.zeros_like(value, first.dtype) + first
            continue
        # NaN wins, too, and then keeps its place. TensorFlow without XLA would rewrite
        # the negation, ~(value <= best), as value > best, which holds for no NaN.
        loses = (value <= best) | (best != best)
        best = ops.where(loses, best, value)
        offset = ops.where(loses, offset, number)
    return best, offset


def unpool(pooled, offset, height, width, windows):
    """Returns the image; sums half precision in float32.

    That is more exact, and XLA's own bfloat16 sums are thirty times slower on a CPU.
    """
    image = _sum_phases(widened(pooled), offset, height, width, windows)
    return ops.cast(image, pooled.dtype)


def _sum_phases(pooled, offset, height, width, windows):
    # Seen from the image: row y is place y % stride + m * stride of the window m above
    # y // stride. So each phase (y % stride, x % stride) is a sum over few shifted
    # copies of the windows, and the phases interleave into the image.
    rows, columns = windows.axes
    sizes = map_shape(pooled)
    lengths = (
        _phase_length(rows, sizes[0], height),
        _phase_length(columns, sizes[1], width),
    )
    phases = [
        ops.stack(
            [
                _phase(pooled, offset, row, column, sizes, lengths, windows)
                for column in range(columns.stride)
            ],
            axis=3,
        )
        for row in range(rows.stride)
    ]
    image = ops.reshape(
        ops.stack(phases, axis=2),
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
    covering_image = ceil_divide(length + axis.before(length), axis.stride)
    return at_least(windows + (axis.pool - 1) // axis.stride, covering_image)


def _phase(pooled, offset, row, column, sizes, lengths, windows):
    """Returns the sum of what falls on one phase: (batch, *lengths, channels)."""
    rows, columns = windows.axes
    total = ops.zeros(
        [axis_length(pooled, 0), *lengths, axis_length(pooled, 3)], pooled.dtype
    )
    for y, x, number in _places(windows):
        if y % rows.stride != row or x % columns.stride != column:
            continue
        down, right = y // rows.stride, x // columns.stride
        here = ops.where(offset == number, pooled, 0)
        total += ops.pad(
            here,
            [
                [0, 0],
                [down, lengths[0] - down - sizes[0]],
                [right, lengths[1] - right - sizes[1]],
                [0, 0],
            ],
        )
    return total


def pick(image, offset, windows):
    """Returns the values at the places that the offsets name."""
    shape = map_shape(offset)
    image = padded(image, windows, 0)
    values = ops.zeros_like(offset, image.dtype)
    for row, column, number in _places(windows):
        value = _at_place(image, row, column, shape, windows)
        values = ops.where(offset == number, value, values)
    return values


def to_argmax(offset, height, width, windows):
    """Returns each maximum's flat index inside the image."""
    pool_width = windows.pool_size[1]
    place = ops.cast(offset, "int32")
    # Pixels from the window's first place to the maximum, as a row of the image counts.
    pixels = place + place // pool_width * (width - pool_width)
    channels = ops.cast(axis_length(offset, 3), index_type())
    first = first_indices(offset, height, width, windows)
    return first + ops.cast(pixels, index_type()) * channels


def first_indices(offset, height, width, windows):
    """Returns the flat index of each window's first place, broadcastable."""
    channels, whole = axis_length(offset, 3), index_type()
    top, left = window_starts(map_shape(offset), height, width, windows)
    pixel = ops.cast(top, whole) * ops.cast(width, whole) + ops.cast(left, whole)
    return pixel * ops.cast(channels, whole) + ops.arange(channels, dtype=whole)


def to_offset(argmax, height, width, windows):
    """Returns each maximum's offset inside its window; `nowhere` if it is outside."""
    pool_height, pool_width = windows.pool_size
    numbers = ops.arange(axis_length(argmax, 3), dtype=argmax.dtype)
    channels = ops.cast(axis_length(argmax, 3), argmax.dtype)
    pixels = ops.cast(height, argmax.dtype) * ops.cast(width, argmax.dtype)
    pixel = argmax // channels
    inside = (argmax >= 0) & (pixel < pixels) & (argmax - pixel * channels == numbers)
    pixel = ops.cast(pixel, "int32")  # fits wherever it is in the image
    y = pixel // width
    top, left = window_starts(map_shape(argmax), height, width, windows)
    row, column = y - top, pixel - y * width - left
    rightly = (row >= 0) & (row < pool_height) & (column >= 0) & (column < pool_width)
    offset = ops.where(inside & rightly, row * pool_width + column, nowhere(windows))
    return ops.cast(offset, offset_type(windows))
