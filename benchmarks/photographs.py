"""JPEGs like photographs, made here, so that the benchmarks need no data."""

import numpy as np
from PIL import Image


def write_photographs(folder, count: int, size: tuple[int, int], classes: int = 2):
    """Writes JPEGs into one folder a class."""
    for number in range(count):
        path = folder / str(number % classes) / f"{number:05d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        photograph(size, number).save(path, quality=92)


def photograph(size: tuple[int, int], seed: int = 0) -> Image.Image:
    """A picture of soft blotches: it decodes in about the time of a photograph."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (24, 32, 3), np.uint8))
    return coarse.resize(size, Image.Resampling.BICUBIC)
