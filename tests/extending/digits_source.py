"""Adds a data source: the handwritten digits of scikit-learn, as PNG in memory."""

import io

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from zfkeras import register_source
from zfkeras.data.register import Source
from zfkeras.data.split import ListedSplit


def open_digits(rest: str) -> Source:
    """`digits:N`: the first N of 1,797 photographs of digits."""
    digits = load_digits()
    number = int(rest)

    def read_key(key: bytes) -> bytes:
        pixels = (digits.images[int(key)] * 15).astype(np.uint8)
        file = io.BytesIO()
        Image.fromarray(pixels).resize((64, 64)).save(file, "PNG")
        return file.getvalue()

    keys = np.array([str(i) for i in range(number)], dtype=bytes)
    split = ListedSplit(keys, digits.target[:number].astype(np.int64), None, read_key)
    names = tuple(str(name) for name in digits.target_names)
    return Source(f"digits:{rest}", names, {"train": split})


register_source("digits", open_digits)
