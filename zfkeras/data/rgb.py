"""Images of any Pillow mode, to RGB as a browser would show them.

It ignores colour profiles, and refuses the modes that have no meaning without one.
"""

import numpy as np
from PIL import Image

from zfkeras.data.bad_images import BadImage

_COLOUR_MODES = frozenset(["1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV"])


def to_rgb(image: Image.Image) -> Image.Image:
    """Converts a loaded Pillow image of any mode to RGB.

    Transparency is laid on white. Samples wider than 8 bits are scaled: whole numbers
    as 0-65535, floats as 0-1, or as 0-255 when one of them exceeds 1.

    Args:
        image: loaded Pillow image.

    Returns:
        A Pillow image in mode RGB; `image` itself if it is that already.

    Raises:
        BadImage: its mode has no plain RGB (LAB), its samples are outside the range, or
            it is too large for the memory.
    """
    mode = image.mode
    try:
        if mode == "F" or mode.startswith("I"):
            return _grey_of_wide(image).convert("RGB")
        if image.has_transparency_data:
            return _on_white(image)
        if mode in _COLOUR_MODES:
            return image if mode == "RGB" else image.convert("RGB")
    except BadImage:
        raise
    except MemoryError as err:
        raise BadImage("too large for the memory") from err
    except ValueError as err:  # a transparent colour that the mode cannot have
        raise BadImage(f"mode {mode} with odd transparency") from err
    raise BadImage(f"mode {mode}")


def _on_white(image):
    """Lays an image with any kind of transparency on white."""
    if image.mode in ("La", "RGBa"):  # premultiplied
        image = image.convert(image.mode.upper())
    elif image.mode not in ("LA", "RGBA"):
        image = image.convert("RGBA")
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image)
    return white


def _grey_of_wide(image):
    """Scales grey samples of 16 or 32 bits to 8 bits."""
    samples = np.asarray(image)
    low, high = samples.min(), samples.max()
    if image.mode == "F":
        _check_range(low, high, 255)
        scaled = samples * (255 if high <= 1 else 1)
    else:
        _check_range(low, high, 65535)
        scaled = samples / np.float32(257)
    grey = np.rint(scaled).astype(np.uint8)
    if isinstance(image.info.get("transparency"), int):
        grey[samples == image.info["transparency"]] = 255  # on white, as `_on_white`
    return Image.fromarray(grey)


def _check_range(low, high, most):
    if not (low >= 0 and high <= most):  # so that NaN fails too
        raise BadImage(f"samples outside 0-{most}")
