"""Images of any Pillow mode, to RGB as a browser would show them.

It ignores colour profiles, and refuses the modes that have no meaning without one.
"""

import numpy as np
from PIL import Image

from zfkeras.data.files.bad_images import BadImage

_SAMPLES_AT_ONCE = 2**22
_COLOUR_MODES = frozenset(["1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV"])


def to_rgb(image: Image.Image) -> Image.Image:
    """Converts a loaded Pillow image of any mode to RGB."""
    mode = image.mode
    if mode == "P" and image.palette is None:  # lost, as a PNG may have it
        raise BadImage("no palette")
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
    """Scales grey samples of 16 or 32 bits to 8 bits, some rows at a time."""
    # All at once would take ten times the memory of the answer.
    rows = max(1, _SAMPLES_AT_ONCE // image.width)
    bands = [(top, top + rows) for top in range(0, image.height, rows)]
    ranges = [(part.min(), part.max()) for part in _samples(image, bands)]
    low, high = np.min(ranges), np.max(ranges)  # NaN if any is
    most = 255 if image.mode == "F" else 65535
    if not (low >= 0 and high <= most):  # so that NaN fails too
        raise BadImage(f"samples outside 0-{most}")
    full = 1 if image.mode == "F" and high <= 1 else most
    transparent = image.info.get("transparency")
    grey = np.empty((image.height, image.width), np.uint8)
    for (top, bottom), part in zip(bands, _samples(image, bands), strict=True):
        scaled = part * 255 if full == 1 else part / np.float32(full / 255)
        grey[top:bottom] = np.rint(scaled)
        if isinstance(transparent, int):
            grey[top:bottom][part == transparent] = 255  # on white, as `_on_white`
    return Image.fromarray(grey)


def _samples(image, bands):
    """Yields the samples of each band of rows."""
    for top, bottom in bands:
        box = (0, top, image.width, min(bottom, image.height))
        yield np.asarray(image.crop(box))
