"""Square crops of images, and the ten over which a prediction is averaged.

Plain NumPy, for arrays of any kind of number. It never resizes.
"""

from collections.abc import Sequence

import numpy as np


def crop(
    image: np.ndarray, top: int, left: int, size: int, flip: bool = False
) -> np.ndarray:
    """Cuts a square out of an image: (h, w, c) -> view (size, size, c)."""
    rows, columns = _room(image, size)
    for name, value, most in (("top", top, rows), ("left", left, columns)):
        if not 0 <= value <= most:
            raise ValueError(
                f"`{name}` must be from 0 to {most} for a crop of {size} pixels. "
                f"Received: {name}={value!r}."
            )
    square = image[top : top + size, left : left + size]
    return square[:, ::-1] if flip else square


def random_crop(
    image: np.ndarray, size: int, seed: Sequence[int]
) -> tuple[np.ndarray, tuple[int, int, bool]]:
    """Cuts a random square, perhaps mirrored; returns it and (top, left, flip)."""
    rows, columns = _room(image, size)
    high = (rows + 1, columns + 1, 2)
    top, left, flip = np.random.default_rng(list(seed)).integers(high).tolist()
    return crop(image, top, left, size, bool(flip)), (top, left, bool(flip))


def centre_crop(image: np.ndarray, size: int) -> np.ndarray:
    """Cuts the central (upper left) square: (h, w, c) -> view (size, size, c)."""
    rows, columns = _room(image, size)
    return crop(image, rows // 2, columns // 2, size)


def ten_crop(image: np.ndarray, size: int) -> np.ndarray:
    """Cuts corners, centre and their mirrors: (h, w, c) -> (10, size, size, c)."""
    rows, columns = _room(image, size)
    corners = [(0, 0), (0, columns), (rows, 0), (rows, columns)]
    places = [*corners, (rows // 2, columns // 2)]
    five = np.stack([crop(image, top, left, size) for top, left in places])
    return np.concatenate([five, five[:, :, ::-1]])


def random_box(
    size: int, min_area: float, random: np.random.Generator
) -> tuple[float, float, float, float]:
    """Draws a box of random area and shape in a square."""
    area, log_aspect = random.uniform(min_area, 1), random.uniform(-1, 1)
    # A box that is longer than 1 / area times its width would stick out.
    stretch = np.exp(log_aspect * np.log(min(4 / 3, 1 / area)) / 2)
    width = min(size * np.sqrt(area) * stretch, size)
    height = min(size * np.sqrt(area) / stretch, size)
    left, top = random.uniform(0, size - width), random.uniform(0, size - height)
    return left, top, left + width, top + height


def _room(image, size):
    """Returns by how much (rows, columns) an image exceeds a square of `size`."""
    if image.ndim != 3 or size < 1 or min(image.shape[:2]) < size:
        raise ValueError(
            "`image` must be an array (height, width, channels) of at least "
            f"{size} x {size} pixels, and `size` at least 1. "
            f"Received: image.shape={image.shape}, size={size!r}."
        )
    return image.shape[0] - size, image.shape[1] - size
