"""The kernels that PyTorch has of its own, twenty times as fast on a CPU.

They take what those of `_kernels` take, and answer as they do.
"""

import torch
from keras import ops

from zfkeras.layers import _kernels

FASTER = ("max_pool", "unpool", "pick")


def max_pool(x, windows):
    """Returns (pooled, offset)."""
    image = _kernels.padded(x, windows, float("-inf"))
    pooled, index = (
        one.permute(0, 2, 3, 1)
        for one in torch.nn.functional.max_pool2d(
            image.permute(0, 3, 1, 2),
            windows.pool_size,
            windows.strides,
            return_indices=True,
        )
    )
    if pooled.isnan().any():  # of several, PyTorch takes the last
        return _kernels.max_pool(x, windows)
    rows, columns = windows.axes
    shape, width = pooled.shape[1:3], image.shape[2]
    down = torch.arange(shape[0], device=x.device)[:, None, None] * rows.stride
    right = torch.arange(shape[1], device=x.device)[:, None] * columns.stride
    y = index // width
    row, column = y - down, index - y * width - right
    if windows.padding == "same":
        # Padding wins where all is -inf. It lies above and left of the first place.
        top, left = _kernels.first_places(shape, *x.shape[1:3], windows)
        row, column = torch.maximum(row, top), torch.maximum(column, left)
    offset = row * columns.pool + column
    return pooled, ops.cast(offset, _kernels.offset_type(windows))


def unpool(pooled, offset, height, width, windows):
    """Returns the image; half precision is summed in float32."""
    inside, index = _places(offset, height, width, windows)
    values = torch.where(inside, _kernels.widened(pooled), 0).flatten(1)
    batch, *_, channels = pooled.shape
    image = values.new_zeros(batch, height * width * channels)
    image.scatter_add_(1, index, values)
    return image.reshape(batch, height, width, channels).to(pooled.dtype)


def pick(image, offset, windows):
    """Returns the values."""
    inside, index = _places(offset, *image.shape[1:3], windows)
    values = image.flatten(1).gather(1, index).reshape(offset.shape)
    return torch.where(inside, values, 0)


def _places(offset, height, width, windows):
    """Tells which offsets name a place, and where they do, in a flat image."""
    inside = offset != _kernels.nowhere(windows)
    argmax = _kernels.to_argmax(offset, height, width, windows)
    return inside, torch.where(inside, argmax, 0).flatten(1)
