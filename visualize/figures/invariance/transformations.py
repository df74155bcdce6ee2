"""Shifts, scales and turns images inside the graph, as Fig. 5 does."""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from zfkeras.errors import UsageError

# What appears where the image ends -> the name TensorFlow has for it.
FILLS = {"mean": "CONSTANT", "edge": "NEAREST", "mirror": "REFLECT"}


@dataclasses.dataclass(frozen=True, eq=False)
class Sweep:
    """One kind of transformation over a range.

    Args:
        name: "vertical translation", "scale" or "rotation".
        unit: of the values: "pixels", "ratio" or "degrees".
        values: float64 array (k,).
        identity: the value that changes nothing.
        matrices: from values (k,) and a centre (y, x) to `transform`'s matrices (k, 6).
        period: after which values repeat. `None` (default): they do not.
    """

    name: str
    unit: str
    values: np.ndarray
    identity: float
    matrices: Callable[[np.ndarray, tuple[float, float]], np.ndarray]
    period: float | None = None

    @property
    def away(self) -> np.ndarray:
        """(k,): how far each value is from the identity; 350 degrees are 10 away."""
        away = np.abs(self.values - self.identity)
        return away if self.period is None else np.minimum(away, self.period - away)


def translation(values, centre) -> np.ndarray:
    """Moves the picture down by so many pixels; up if they are negative.

    values: array (k,); returns float32 array (k, 6).
    """
    one, zero, shift = np.ones(len(values)), np.zeros(len(values)), np.asarray(values)
    return _stacked(one, zero, zero, zero, one, -shift)


def scale(values, centre) -> np.ndarray:
    """Enlarges the picture by a ratio about its centre.

    values: array (k,); returns float32 array (k, 6).
    """
    inverse, zero = 1 / np.asarray(values, np.float64), np.zeros(len(values))
    y, x = centre
    return _stacked(inverse, zero, x * (1 - inverse), zero, inverse, y * (1 - inverse))


def rotation(values, centre) -> np.ndarray:
    """Turns the picture about its centre, against the clock.

    values: array (k,); returns float32 array (k, 6).
    """
    angles = np.deg2rad(values)
    cosine, sine = np.cos(angles), np.sin(angles)
    y, x = centre
    return _stacked(
        cosine,
        -sine,
        x - cosine * x + sine * y,
        sine,
        cosine,
        y - sine * x - cosine * y,
    )


def paper_sweeps(side: int) -> tuple[Sweep, ...]:
    """Returns the ranges of Fig. 5, in proportion to the side of the input."""
    shifts = np.arange(-60, 61, 4) * side / 224
    return (
        Sweep("vertical translation", "pixels", shifts, 0, translation),
        Sweep("scale", "ratio", 1 + 0.05 * np.arange(17), 1, scale),
        Sweep("rotation", "degrees", np.arange(0.0, 360, 10), 0, rotation, 360),
    )


def transform(images, matrices, size: tuple[int, int], fill: str = "mean"):
    """Transforms images and cuts out their centres, with bilinear interpolation.

    images: float tensor (n, height, width, channels); matrices: float tensor (n, 6);
    returns float tensor (n, *size, channels).
    """
    check_fill(fill)
    top, left = corner(images.shape[1:3], size)
    a, b, c, d, e, f = tf.unstack(tf.cast(matrices, tf.float32), axis=1)
    zero = tf.zeros_like(a)
    # The result's (0, 0) is (top, left) of the whole picture.
    from_cut = [a, b, a * left + b * top + c, d, e, d * left + e * top + f, zero, zero]
    with_coverage = tf.concat([images, tf.ones_like(images[..., :1])], axis=-1)
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=with_coverage,
        transforms=tf.stack(from_cut, axis=1),
        output_shape=size,
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode=FILLS[fill],
    )
    moved = tf.ensure_shape(moved, (None, *size, images.shape[-1] + 1))
    return moved[..., :-1], moved[..., -1:]


def check_fill(fill: str) -> None:
    """Raises `UsageError` for an unknown fill."""
    if fill not in FILLS:
        raise UsageError(
            argument="fill", received=repr(fill), expected=f"one of {', '.join(FILLS)}"
        )


def corner(image_size, size) -> tuple[int, int]:
    """Returns (top, left) of the centre crop of that size."""
    return (image_size[0] - size[0]) // 2, (image_size[1] - size[1]) // 2


def centre_of(image_size, size) -> tuple[float, float]:
    """Returns (y, x) of the middle of the centre crop, in pixels of the image."""
    top, left = corner(image_size, size)
    return top + (size[0] - 1) / 2, left + (size[1] - 1) / 2


def _stacked(*columns) -> np.ndarray:
    return np.stack(columns, axis=1).astype(np.float32)
