"""Splits of a few images that are known pixel by pixel."""

import io

import numpy as np
from PIL import Image

from zfkeras.data.split import ListedSplit


def png(pixels: np.ndarray) -> bytes:
    """A PNG, which keeps every pixel, of a uint8 array (height, width, 3)."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def noise(number: int, height: int, width: int) -> np.ndarray:
    """A uint8 array (height, width, 3) of noise that depends on `number`."""
    shape = (height, width, 3)
    return np.random.default_rng([7, number]).integers(0, 256, shape, np.uint8)


def shaded(label: int, number: int, side: int, step: int = 90) -> bytes:
    """A PNG of noise whose mean brightness, `step` apart, tells the class."""
    picture = noise(100 * label + number, side, side).astype(int) // 4 + step * label
    return png(picture.clip(0, 255).astype(np.uint8))


def split_of(files: list[bytes], labels=None) -> ListedSplit:
    """A split of image files; the ids are "image-0", "image-1", ..."""
    keys = np.array([str(number).encode() for number in range(len(files))])
    labels = np.arange(len(files)) if labels is None else np.asarray(labels)
    ids = np.array([b"image-" + key for key in keys], dtype=bytes)
    return ListedSplit(keys, labels, ids, read_key=lambda key: files[int(key)])


def noise_split(number: int, size: int) -> ListedSplit:
    """A split of `number` square images of noise; the labels count them."""
    return split_of([png(noise(i, size, size)) for i in range(number)])
