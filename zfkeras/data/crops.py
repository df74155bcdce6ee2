"""Square crops of images, and the ten over which a prediction is averaged.

Plain NumPy, for arrays of any kind of number. It never resizes.
"""

from collections.abc import Sequence

import numpy as np


def crop(
    image: np.ndarray, top: int, left: int, size: int, flip: bool = False
) -> np.ndarray:
    """Cuts a square out of an image.

    Args:
        image: array (height, width, channels).
        top: first row of the square.
        left: first column of the square.
        size: side of the square in pixels.
        flip: whether to mirror the square, left to right.

    Returns:
        Array (size, size, channels), a view of `image`.

    Raises:
        ValueError: the square does not lie within `image`.
    """
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
    """Cuts a square at a random place, mirrored every other time.

    Args:
        image: array (height, width, channels).
        size: side of the square in pixels.
        seed: whole numbers from 0, such as (seed, epoch, example). They alone determine
            the place, uniform over all, and the flip, with probability 1/2.

    Returns:
        The square, an array (size, size, channels) that is a view of `image`, and
        (top, left, flip), what `crop` takes to cut the same.

    Raises:
        ValueError: `image` is smaller than `size`.
    """
    rows, columns = _room(image, size)
    high = (rows + 1, columns + 1, 2)
    top, left, flip = np.random.default_rng(list(seed)).integers(high).tolist()
    return crop(image, top, left, size, bool(flip)), (top, left, bool(flip))


def centre_crop(image: np.ndarray, size: int) -> np.ndarray:
    """Cuts the central square, the upper left one of two equally central ones.

    Args:
        image: array (height, width, channels).
        size: side of the square in pixels.

    Returns:
        Array (size, size, channels), a view of `image`.

    Raises:
        ValueError: `image` is smaller than `size`.
    """
    rows, columns = _room(image, size)
    return crop(image, rows // 2, columns // 2, size)


def ten_crop(image: np.ndarray, size: int) -> np.ndarray:
    """Cuts the ten squares over which a prediction is averaged.

    Zeiler & Fergus 2014, sec. 3: "10 different sub-crops of size 224x224 (corners +
    center with(out) horizontal flips)".

    Args:
        image: array (height, width, channels).
        size: side of the squares in pixels.

    Returns:
        Array (10, size, size, channels), a copy: top left, top right, bottom left,
        bottom right, centre; then the mirror images of these five, in the same order.

    Raises:
        ValueError: `image` is smaller than `size`.
    """
    rows, columns = _room(image, size)
    corners = [(0, 0), (0, columns), (rows, 0), (rows, columns)]
    places = [*corners, (rows // 2, columns // 2)]
    five = np.stack([crop(image, top, left, size) for top, left in places])
    return np.concatenate([five, five[:, :, ::-1]])


def random_box(
    size: int, min_area: float, random: np.random.Generator
) -> tuple[float, float, float, float]:
    """A random box of random area and shape in a square.

    Its area is uniform, its aspect ratio log-uniform between 3:4 and 4:3 or, of a box
    too large for these, as far as it fits; its place uniform.

    Args:
        size: side of the square in pixels.
        min_area: smallest share of the square's area, above 0 and at most 1.
        random: where the randomness comes from.

    Returns:
        (left, top, right, bottom) in pixels and fractions of them.
    """
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
