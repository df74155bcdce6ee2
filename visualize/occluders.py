"""Covers boxes of images, inside the graph, and lays windows over an image.

It knows nothing of networks.
"""

import numpy as np
import tensorflow as tf

from zfkeras.errors import UsageError


def occlude(images, boxes, occlusion_value=0.0):
    """Covers one box of each image. Nothing else changes, and no mask is kept.

    Args:
        images: float tensor (n, height, width, channels), or (1, ...) for n copies of
            one image.
        boxes: int tensor (n, 4), each (top, left, bottom, right) in pixels, bottom and
            right outside. A box without area covers nothing.
        occlusion_value: what stands in the boxes: a number or a tensor that broadcasts
            to (n, height, width, channels). 0 (default) is the mean image of networks
            that subtract it.

    Returns:
        float tensor (n, height, width, channels).
    """
    height, width = tf.shape(images)[1], tf.shape(images)[2]
    top, left, bottom, right = tf.unstack(boxes[:, :, None], axis=1)
    y, x = tf.range(height)[None], tf.range(width)[None]
    rows = ((y >= top) & (y < bottom))[:, :, None, None]
    columns = ((x >= left) & (x < right))[:, None, :, None]
    return tf.where(rows & columns, tf.cast(occlusion_value, images.dtype), images)


def window_starts(length: int, size: int, stride: int) -> np.ndarray:
    """Where windows begin along one side of an image.

    From 0 in steps of `stride` as long as a whole window fits. Where that leaves pixels
    over at the end, one more window stands flush with it: all windows are of one size,
    and every pixel lies under one.

    Args:
        length: of the side in pixels.
        size: of the windows, at most `length`.
        stride: step between windows, at most `size`.

    Returns:
        int32 array (windows,).

    Raises:
        UsageError: `size` or `stride` is out of range.

    Example:
        >>> window_starts(10, 4, 3).tolist(), window_starts(11, 4, 3).tolist()
        ([0, 3, 6], [0, 3, 6, 7])
    """
    if not 1 <= size <= length:
        raise UsageError(
            f"`patch_size` must be from 1 to {length}, the side of the image. "
            f"Received: {size}."
        )
    if not 1 <= stride <= size:
        raise UsageError(
            f"`patch_stride` must be from 1 to {size}, the patch's side, or pixels "
            f"between the patches are missed. Received: {stride}."
        )
    starts = [*range(0, length - size + 1, stride)]
    if starts[-1] != length - size:
        starts.append(length - size)
    return np.array(starts, np.int32)
