"""Pictures, and the files that Pillow makes of them."""

import io

import numpy as np
from PIL import Image


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    """The file that Pillow writes of an image."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def picture(width: int, height: int) -> Image.Image:
    """A smooth colour picture with some texture, as photographs have."""
    y, x = np.mgrid[:height, :width] / 40
    waves = [np.sin(x + y), np.cos(2 * x - y), np.sin(x * y / 9) * np.cos(7 * x)]
    return Image.fromarray((127 + 120 * np.stack(waves, axis=-1)).astype(np.uint8))


def pixels(image: Image.Image) -> list:
    """The samples as nested lists, which `==` compares and pytest shows."""
    return np.asarray(image).tolist()


def assert_close(image: Image.Image, colour, tolerance: float = 3) -> None:
    """Every pixel has the colour, within what JPEG's rounding does to a flat area."""
    assert image.mode == "RGB"
    assert np.abs(np.asarray(image, int) - colour).max() <= tolerance
