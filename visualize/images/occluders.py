"""Covers boxes of images, inside the graph, and places windows over an image."""

import numpy as np
import tensorflow as tf

from zfkeras.errors import UsageError


def occlude(images, boxes, occlusion_value=0.0):
    """Covers one box (top, left, bottom, right; ends exclusive) of each image.

    images: float tensor (n, height, width, channels); boxes: int tensor (n, 4); returns
    float tensor (n, height, width, channels).
    """
    height, width = tf.shape(images)[1], tf.shape(images)[2]
    top, left, bottom, right = tf.unstack(boxes[:, :, None], axis=1)
    y, x = tf.range(height)[None], tf.range(width)[None]
    rows = ((y >= top) & (y < bottom))[:, :, None, None]
    columns = ((x >= left) & (x < right))[:, None, :, None]
    return tf.where(rows & columns, tf.cast(occlusion_value, images.dtype), images)


def window_starts(length: int, size: int, stride: int) -> np.ndarray:
    """Places windows along a side; the last one ends at the border.

    Returns int32 array (windows,).
    """
    if not 1 <= size <= length:
        raise UsageError(
            argument="patch_size",
            received=size,
            expected=f"from 1 to {length}, the side of the image",
        )
    if not 1 <= stride <= size:
        raise UsageError(
            argument="patch_stride",
            received=stride,
            expected=f"from 1 to {size}, the patch's side",
            remedy="Larger steps miss pixels between the patches.",
        )
    starts = [*range(0, length - size + 1, stride)]
    if starts[-1] != length - size:
        starts.append(length - size)
    return np.array(starts, np.int32)
