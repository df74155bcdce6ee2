"""Pixels in a file as they are: binary PPM, which needs no decoder but others read."""

import numpy as np


def to_plain_pixels(picture: np.ndarray) -> bytes:
    """Makes a file of a picture, uint8 (height, width, 3)."""
    return _header(picture.shape[:2]) + picture.tobytes()


def read_plain_pixels(encoded: bytes, shape: tuple[int, int]) -> bytes | None:
    """Returns the pixels of such a file of (height, width); `None` for other files."""
    header = _header(shape)
    length = len(header) + shape[0] * shape[1] * 3
    if len(encoded) != length or not encoded.startswith(header):
        return None
    return encoded[len(header) :]


def _header(shape) -> bytes:
    return b"P6\n%d %d\n255\n" % (shape[1], shape[0])
