"""The patch of an image that a unit sees: its receptive field, cut out.

Whole batches at once, by indexing; it reads no images and draws nothing.
"""

import keras
import numpy as np

from visualize.contrast import ZERO
from zfkeras.errors import UsageError
from zfkeras.models.receptive_field import ReceptiveField, receptive_field


def known_field(model: keras.Model, tensor) -> ReceptiveField | None:
    """The receptive field of a tensor, by which reconstructions are cut to be seen.

    Args:
        model: the network.
        tensor: one of its own.

    Returns:
        `None` where it is not known, as above an UpSampling2D or for images of any
        size: whole images are shown then.
    """
    try:
        return receptive_field(model, tensor)
    except UsageError:
        return None


def boxes(field: ReceptiveField, positions: np.ndarray) -> np.ndarray:
    """The receptive fields of units.

    Args:
        field: of the layer.
        positions: int array (..., 2), each (y, x).

    Returns:
        int64 array (..., 4), each (top, left, bottom, right) in pixels of the network's
        input, bottom and right exclusive; they may reach past it, where the unit sees
        padding.
    """
    positions = np.asarray(positions, np.int64)
    y, x = positions[..., 0], positions[..., 1]
    sides = np.broadcast_arrays(*field.box((y, x)), y)[:4]
    return np.stack(sides, axis=-1)


def cut(images: np.ndarray, boxes: np.ndarray, fill=ZERO) -> np.ndarray:
    """Cuts one box out of each image.

    Pixels outside the image are filled. Along an axis on which the boxes are as long as
    the image or longer, nothing is gained by showing what lies outside: there the whole
    image is shown, and what the unit does not see of it is filled.

    Args:
        images: array (n, height, width, channels), any kind of number.
        boxes: int array (n, 4), each (top, left, bottom, right), all of one size.
        fill: value of what is outside the image or the box.

    Returns:
        array (n, min(box height, height), min(box width, width), channels) of the
        images' dtype.

    Raises:
        ValueError: the boxes differ in size or number.

    Example:
        >>> image = np.arange(9).reshape(1, 3, 3, 1)
        >>> cut(image, np.array([[1, 1, 3, 3]]), fill=0)[0, :, :, 0].tolist()
        [[4, 5], [7, 8]]
        >>> cut(image, np.array([[-1, 2, 1, 4]]), fill=0)[0, :, :, 0].tolist()
        [[0, 0], [2, 0]]
    """
    boxes = np.asarray(boxes, np.int64).reshape(-1, 4)
    if len(boxes) != len(images):
        raise ValueError(
            "`boxes` must be one for each image. "
            f"Received: {len(boxes)} boxes, {len(images)} images."
        )
    sizes = np.unique(boxes[:, 2:] - boxes[:, :2], axis=0)
    if len(sizes) > 1:
        raise ValueError(f"`boxes` must be of one size. Received: {sizes.tolist()}.")
    rows, row_is_seen = _window(boxes[:, 0], boxes[:, 2], images.shape[1])
    columns, column_is_seen = _window(boxes[:, 1], boxes[:, 3], images.shape[2])
    which = np.arange(len(images))[:, None, None]
    patches = images[which, rows[:, :, None], columns[:, None, :]]
    patches[~(row_is_seen[:, :, None] & column_is_seen[:, None, :])] = fill
    return patches


def _window(first, end, length):
    """Indices (n, size) along one axis, and whether each is in both box and image."""
    size = int((end - first)[0]) if len(first) else 0
    start = first if size < length else np.zeros_like(first)
    index = start[:, None] + np.arange(min(size, length))
    is_seen = (index >= np.maximum(first, 0)[:, None]) & (
        index < np.minimum(end, length)[:, None]
    )
    return np.clip(index, 0, length - 1), is_seen
