"""Cuts out the patch of an image that a unit sees: its receptive field."""

import numpy as np

from visualize.images.contrast import ZERO
from zfkeras.graph.boxes import Boxes


def boxes(field: Boxes, positions: np.ndarray) -> np.ndarray:
    """Returns receptive fields (top, left, bottom, right), which may overhang.

    positions: int array (..., 2); returns int64 array (..., 4).
    """
    positions = np.asarray(positions, np.int64)
    y, x = positions[..., 0], positions[..., 1]
    sides = np.broadcast_arrays(*field.box((y, x)), y)[:4]
    return np.stack(sides, axis=-1)


def cut(images: np.ndarray, boxes: np.ndarray, fill=ZERO) -> np.ndarray:
    """Cuts a box out of each image, fills what lies outside, never enlarges.

    images: array (n, height, width, channels); boxes: int array (n, 4).
    """
    boxes = np.asarray(boxes, np.int64).reshape(-1, 4)
    rows, row_is_seen = _window(boxes[:, 0], boxes[:, 2], images.shape[1])
    columns, column_is_seen = _window(boxes[:, 1], boxes[:, 3], images.shape[2])
    which = np.arange(len(images))[:, None, None]
    patches = images[which, rows[:, :, None], columns[:, None, :]]
    patches[~(row_is_seen[:, :, None] & column_is_seen[:, None, :])] = fill
    return patches


def cut_to_field(
    images: np.ndarray, field: Boxes | None, positions: np.ndarray, fill=0
) -> np.ndarray:
    """Cuts each image to the field of a unit (n, 2); whole images without a field."""
    return images if field is None else cut(images, boxes(field, positions), fill)


def _window(first, end, length):
    """Indices (n, size) along one axis, and whether each is in both box and image."""
    size = int((end - first)[0]) if len(first) else 0
    start = first if size < length else np.zeros_like(first)
    index = start[:, None] + np.arange(min(size, length))
    is_seen = (index >= np.maximum(first, 0)[:, None]) & (
        index < np.minimum(end, length)[:, None]
    )
    return np.clip(index, 0, length - 1), is_seen
