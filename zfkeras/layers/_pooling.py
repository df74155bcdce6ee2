"""Pooling, its inverse and the way from one to the other, with their gradients.

A maximum's place is kept in two forms. An *offset* (row * pool_width + column inside
the window, one byte) is what the kernels work on. The *argmax* (flat index inside the
image) is what people see.

`max_pool` and `unpool` are each other's gradient, to any order.
"""

import functools

import keras
from keras import ops

from zfkeras.layers import _kernels
from zfkeras.layers._backend import compiled, is_recorded, with_gradient
from zfkeras.layers._windows import Windows, axis_length

_NAMES = ("max_pool", "unpool", "pick", "to_argmax", "to_offset")


def max_pool(x, windows: Windows):
    """Pools `x` (batch, height, width, channels); returns (pooled, offset)."""

    def differentiable(x):
        height, width = axis_length(x, 1), axis_length(x, 2)
        pooled, offset = max_pool_only(x, windows)

        def gradient(d_pooled, *_):
            return unpool(d_pooled, offset, height, width, windows)

        return (pooled, offset), gradient

    return with_gradient(differentiable, x)


def max_pool_only(x, windows: Windows):
    """Does `max_pool` without its gradient, which a graph would keep for ever."""
    return _kernel("max_pool", windows)(x)


def max_pool_values(x, windows: Windows):
    """Does `max_pool` without offsets, by the backend's own pool where it is exact."""
    return ops.cond(
        # It hides NaN and -inf, and so does no sum.
        ops.isfinite(ops.sum(x)),
        lambda: ops.max_pool(
            x, windows.pool_size, windows.strides, windows.padding, "channels_last"
        ),
        lambda: max_pool_only(x, windows)[0],
    )


def unpool_only(pooled, offset, height, width, windows: Windows):
    """Does `unpool` without its gradient."""
    return _kernel("unpool", windows)(pooled, offset, height, width)


def unpool(pooled, offset, height, width, windows: Windows):
    """Adds each value of `pooled` into zeros at its place; inverse of `max_pool`."""

    def differentiable(pooled):
        image = unpool_only(pooled, offset, height, width, windows)
        return image, lambda d_image: pick(d_image, offset, windows)

    return with_gradient(differentiable, pooled)


def pick(image, offset, windows: Windows):
    """Reads `image` at the places `offset` names; the transpose of `unpool`."""

    def differentiable(image):
        height, width = axis_length(image, 1), axis_length(image, 2)
        values = _kernel("pick", windows)(image, offset)
        return values, lambda d: unpool(d, offset, height, width, windows)

    return with_gradient(differentiable, image)


def argmax_from_offset(offset, height, width, windows: Windows):
    """Returns the flat index (y * width + x) * channels + c of each maximum."""
    return _kernel("to_argmax", windows)(offset, height, width)


def offset_from_argmax(argmax, height, width, windows: Windows):
    """Returns each argmax's offset; outside its own window, one that never matches."""
    return _kernel("to_offset", windows)(argmax, height, width)


def _kernel(name, windows):
    """Returns a compiled function for a kind of window."""
    return _compiled(windows, is_recorded())[name]


@functools.lru_cache(maxsize=32)
def _compiled(windows, is_recorded):
    """Returns one compiled function each per kind of window."""
    kernels = {name: getattr(_kernels, name) for name in _NAMES}
    if keras.backend.backend() == "torch" and not is_recorded:
        from zfkeras.layers import _torch

        kernels |= {name: getattr(_torch, name) for name in _NAMES}
    return {
        name: compiled(functools.partial(kernel, windows=windows))
        for name, kernel in kernels.items()
    }
