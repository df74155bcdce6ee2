"""Moves, scales and turns images inside the graph: the rows of Fig. 5.

It knows nothing of networks.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

PAPER_SIDE = 224  # of the paper's crops, in whose pixels translations are given


@dataclasses.dataclass(frozen=True, eq=False)
class Transformation:
    """A row of Fig. 5: a change of images by each of several amounts.

    Args:
        name: such as "rotation".
        axis_label: of the amounts, with their unit.
        values: float array (n,) of amounts, rising.
        identity: the amount that changes nothing; one of `values`.
        matrices: from amounts (n,) and (height, width) to what `warp` takes.
    """

    name: str
    axis_label: str
    values: np.ndarray
    identity: float
    matrices: Callable[[np.ndarray, tuple[int, int]], np.ndarray]


def translations(shifts: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Matrices of vertical translations.

    Args:
        shifts: (n,) in pixels of an image 224 high; above 0 is down. Images of another
            height are shifted by the same share of it.
        size: (height, width) of the images in pixels.

    Returns:
        float32 array (n, 8), for `warp`.
    """
    matrices = np.tile(np.eye(3).ravel()[:8], (len(shifts), 1))
    matrices[:, 5] = -np.asarray(shifts) * size[0] / PAPER_SIDE
    return matrices.astype(np.float32)


def scalings(factors: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Matrices of enlargements about the centre.

    Args:
        factors: (n,); 2 shows the middle half of the image.
        size: (height, width) of the images in pixels.

    Returns:
        float32 array (n, 8), for `warp`.
    """
    inverse = np.eye(2) / np.asarray(factors, float)[:, None, None]
    return _about_centre(inverse, size)


def rotations(degrees: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Matrices of rotations about the centre.

    Args:
        degrees: (n,), counter-clockwise.
        size: (height, width) of the images in pixels.

    Returns:
        float32 array (n, 8), for `warp`.
    """
    angles = np.radians(degrees)
    cosine, sine = np.cos(angles), np.sin(angles)
    inverse = np.array([[cosine, -sine], [sine, cosine]])
    return _about_centre(np.moveaxis(inverse, -1, 0), size)


def _about_centre(inverse, size):
    """(n, 8) of (n, 2, 2), which take (x, y) off the centre back to their source."""
    centre = (np.array(size[::-1]) - 1) / 2
    matrices = np.zeros((len(inverse), 3, 3))
    matrices[:, :2, :2] = inverse
    matrices[:, :2, 2] = centre - inverse @ centre
    return matrices.reshape(-1, 9)[:, :8].astype(np.float32)


# The ranges of Fig. 5. A step of translation is a whole pixel of crops of 56, too.
TRANSFORMATIONS = (
    Transformation(
        "translation",
        f"vertical translation (pixels of {PAPER_SIDE})",
        np.arange(-60.0, 61, 4),
        0.0,
        translations,
    ),
    Transformation(
        "scale", "scale (ratio)", np.round(np.arange(17) * 0.05 + 1, 2), 1.0, scalings
    ),
    Transformation(
        "rotation", "rotation (degrees)", np.arange(0.0, 351, 10), 0.0, rotations
    ),
)


def warp(images, matrices, fill=0.0):
    """Samples images at transformed places, bilinearly, inside a graph.

    Args:
        images: float tensor (n, height, width, channels).
        matrices: float tensor (n, 8), the first eight numbers of a 3x3 matrix in rows.
            It takes a pixel (x, y, 1) of the result to where it comes from.
        fill: what lies outside the images: a number or a tensor that broadcasts to
            `images`; in place, so that it does not move with them.

    Returns:
        float tensor, the shape of `images`.
    """
    # One more channel says how much of each pixel comes from inside the image.
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.concat([images, tf.ones_like(images[..., :1])], axis=3),
        transforms=matrices,
        output_shape=tf.shape(images)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    return moved[..., :-1] + (1 - moved[..., -1:]) * tf.cast(fill, images.dtype)
