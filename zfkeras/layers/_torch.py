"""The kernels that PyTorch has of its own, twenty times as fast on a CPU.

They take what those of `_kernels` take, and answer as they do.
"""

import torch

from zfkeras.layers import _kernels


def max_pool(x, windows):
    """Returns (pooled, offset)."""
    image = _kernels.padded(x, windows, float("-inf"))
    pooled, index = (
        maps.permute(0, 2, 3, 1)
        for maps in torch.nn.functional.max_pool2d(
            image.permute(0, 3, 1, 2),
            windows.pool_size,
            windows.strides,
            return_indices=True,
        )
    )
    if not pooled.sum(dtype=torch.float32).isfinite():
        # Of several NaN it takes the last, and of several -inf one in the padding.
        return _kernels.max_pool(x, windows)
    (rows, columns), width = windows.axes, image.shape[2]
    top = torch.arange(pooled.shape[1], device=x.device) * rows.stride
    left = torch.arange(pooled.shape[2], device=x.device) * columns.stride
    first = (top[:, None] * width + left)[:, :, None]
    table = _offsets(_distances(windows, width, x.device), windows)
    return pooled, table.take(index - first)


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


def to_argmax(offset, height, width, windows):
    """Returns each maximum's flat index inside the image."""
    distances = _distances(windows, width, offset.device) * offset.shape[3]
    distances = torch.nn.functional.pad(distances, (0, 1))  # for those without a place
    first = _kernels.first_indices(offset, height, width, windows)
    return distances.take(offset.long()).add_(first)


def to_offset(argmax, height, width, windows):
    """Returns each maximum's offset inside its window; `nowhere` if it is outside."""
    if windows.padding == "same":  # what lies outside of the image has no distance
        return _kernels.to_offset(argmax, height, width, windows)
    distances = _distances(windows, width, argmax.device) * argmax.shape[3]
    table = torch.nn.functional.pad(
        _offsets(distances, windows), (1, 1), value=_kernels.nowhere(windows)
    )
    distance = argmax - _kernels.first_indices(argmax, height, width, windows)
    return table.take(distance.add_(1).clamp_(0, len(table) - 1))


def _offsets(distances, windows):
    """Makes a table of the offset that each distance means."""
    kind = getattr(torch, _kernels.offset_type(windows))
    offsets = torch.arange(len(distances), dtype=kind, device=distances.device)
    table = offsets.new_full([int(distances[-1]) + 1], _kernels.nowhere(windows))
    table[distances] = offsets
    return table


def _distances(windows, width, device):
    """Returns the pixels from a window's first place to each, as the image counts."""
    rows, columns = (torch.arange(n, device=device) for n in windows.pool_size)
    return (rows[:, None] * width + columns).flatten()


def _places(offset, height, width, windows):
    """Tells which offsets name a place, and where they do, in a flat image."""
    inside = offset != _kernels.nowhere(windows)
    argmax = to_argmax(offset, height, width, windows)
    return inside, torch.where(inside, argmax, 0).flatten(1)
