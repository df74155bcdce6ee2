"""Crops of images, and the ten over which a prediction is averaged.

Plain NumPy, for arrays of any kind of number. It never resizes.
"""

import math
from collections.abc import Sequence

import numpy as np

Size = int | tuple[int, int]  # the side of a square, or (height, width)


def random_place(
    image: np.ndarray, size: Size, seed: Sequence[int]
) -> tuple[int, int, bool]:
    """Draws the place of a crop of an image: (top, left, whether it is mirrored)."""
    rows, columns = _room(image, size)
    high = (rows + 1, columns + 1, 2)
    top, left, flip = np.random.default_rng(list(seed)).integers(high).tolist()
    return top, left, bool(flip)


def centre_crop(image: np.ndarray, size: Size) -> np.ndarray:
    """Cuts the central (upper left) crop: (h, w, c) -> view (*size, c)."""
    rows, columns = _room(image, size)
    return _cut(image, rows // 2, columns // 2, size)


def ten_crop(image: np.ndarray, size: Size) -> np.ndarray:
    """Cuts corners, centre and their mirrors: (h, w, c) -> (10, *size, c)."""
    rows, columns = _room(image, size)
    corners = [(0, 0), (0, columns), (rows, 0), (rows, columns)]
    places = [*corners, (rows // 2, columns // 2)]
    five = np.stack([_cut(image, top, left, size) for top, left in places])
    return np.concatenate([five, five[:, :, ::-1]])


def random_box(
    size: int, min_area: float, random: np.random.Generator
) -> tuple[float, float, float, float]:
    """Draws a box of random area and shape in a square."""
    for_area, for_aspect, across, down = random.random(4).tolist()
    area, log_aspect = min_area + (1 - min_area) * for_area, 2 * for_aspect - 1
    # A box that is longer than 1 / area times its width would stick out.
    stretch = math.exp(log_aspect * math.log(min(4 / 3, 1 / area)) / 2)
    width = min(size * math.sqrt(area) * stretch, size)
    height = min(size * math.sqrt(area) / stretch, size)
    left, top = (size - width) * across, (size - height) * down
    return left, top, left + width, top + height


def size_pair(size: Size) -> tuple[int, int]:
    """Returns (height, width) of a size."""
    return size if isinstance(size, tuple) else (size, size)


def _cut(image, top, left, size):
    """Cuts a rectangle out of an image: (h, w, c) -> view (*size, c)."""
    height, width = size_pair(size)
    return image[top : top + height, left : left + width]


def _room(image, size):
    """Returns by how much (rows, columns) an image exceeds a crop of `size`."""
    height, width = size_pair(size)
    is_whole = image.ndim == 3 and min(height, width) >= 1
    if not is_whole or image.shape[0] < height or image.shape[1] < width:
        raise ValueError(
            "`image` must be an array (height, width, channels) of at least "
            f"{height} x {width} pixels, and `size` at least 1. "
            f"Received: image.shape={image.shape}, size={size!r}."
        )
    return image.shape[0] - height, image.shape[1] - width
