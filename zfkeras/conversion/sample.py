"""The images on which both sides of a conversion are compared."""

from collections.abc import Iterator

import numpy as np

from zfkeras.data.files.bad_images import BadImage
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.register import open_source
from zfkeras.errors import RunError


def sample(
    data: str,
    split: str,
    number: int,
    preprocessing: Preprocessing,
    batch_size: int,
    seed: int = 0,
) -> Iterator[np.ndarray]:
    """Yields random images of a split in uint8 batches (n, size, size, 3), RGB."""
    images = open_source(data).split(split)
    squares, left = [], number
    for example in images.stream(shuffle_seed=(seed,)).as_numpy_iterator():
        try:
            squares.append(preprocessing.square(images.read(example["key"])))
        except (BadImage, OSError):
            continue
        left -= 1
        if len(squares) == batch_size or not left:
            yield np.stack(squares)
            squares.clear()
        if not left:
            return
    if squares:
        yield np.stack(squares)
    elif left == number:
        raise RunError(f"none of the images of {data} could be read")
