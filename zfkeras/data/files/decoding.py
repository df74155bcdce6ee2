"""Decodes images as people have them to upright RGB, and cuts squares of one size.

Plain Pillow and NumPy, safe in several threads.
"""

import contextlib
import ctypes
import io
import logging
import os
import struct
import warnings
import zlib
from collections.abc import Iterable

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from zfkeras.data.files.bad_images import BadImage
from zfkeras.data.files.image_file import NoImageFile, read_file
from zfkeras.data.files.image_types import format_name
from zfkeras.data.files.jpeg import MAX_SCANS, num_scans
from zfkeras.data.files.rgb import to_rgb

# The formats of image collections. Every further one would be a further parser that
# strangers' files reach.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "AVIF")

# Where Pillow starts to warn of decompression bombs: 2**28 bytes of RGB. It holds even
# where a program has lifted Pillow's own limit, `Image.MAX_IMAGE_PIXELS`.
MAX_PIXELS = 2**28 // 3

_ONE_IMAGE = (str, os.PathLike, bytes, bytearray, memoryview, Image.Image)

# What Pillow and the libraries behind it raise for data that are not what they claim.
# No warning is among them: one that a user's filters turn into an error passes through.
_CORRUPT = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    MemoryError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def silence_image_libraries() -> None:
    """Silences Pillow and libtiff in the whole process, as a command does at its start.

    They tell of oddities beside the pixels (EXIF data, animation headers, palettes), of
    which nobody who trains on a million strangers' files can do anything. What costs
    pixels they raise.
    """
    # Once and for good: `warnings.catch_warnings` around each image would change, and
    # restore, the filters of all other threads.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    # libtiff writes to stderr, past Python, and Pillow silences only its warnings. No
    # loss where it is not found.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(Image.core.__file__).TIFFSetErrorHandler(None)


def decode(encoded: bytes, shorter_side: int | None = None) -> Image.Image:
    """Decodes an image file to an upright RGB Pillow image, on white.

    Of several frames the first counts. Samples wider than 8 bits are scaled, not
    clipped: whole numbers as 0-65535, floats as 0-1, or as 0-255 when one exceeds 1.
    A large JPEG is decoded at a fraction of its size, at least twice `shorter_side`.
    """
    if not encoded:
        raise BadImage("empty file")
    try:
        image = Image.open(io.BytesIO(encoded), formats=_FORMATS)
        if image.width * image.height > MAX_PIXELS:
            raise Image.DecompressionBombError
    except _CORRUPT as err:
        found = format_name(encoded)
        reason = f"{found}, not a supported image" if found else _reason(err, "image")
        raise BadImage(reason) from err
    # What is counted first is quick, but also finds what stands behind the image.
    if encoded.count(b"\xff\xda") > MAX_SCANS and num_scans(encoded) > MAX_SCANS:
        raise BadImage(f"over {MAX_SCANS} scans")
    if shorter_side is not None:
        image.draft(None, (2 * shorter_side, 2 * shorter_side))
    return _upright_rgb(image)


def each_image(images) -> Iterable:
    """Returns several images as they are, and a single one in a list."""
    if isinstance(images, _ONE_IMAGE) or getattr(images, "ndim", None) in (2, 3):
        return [images]
    if not isinstance(images, Iterable):
        raise TypeError(
            "`images` must be an image (array, path, bytes, Pillow) or several. "
            f"Received: images of type {type(images).__name__}."
        )
    return images


def read_image(image, size: int | None = None) -> Image.Image:
    """Reads bytes, a path, a Pillow image or an array (h, w[, channels]) as RGB.

    Arrays are 0-255. Floats of range 0-1 cannot be told from a very dark image.
    """
    if isinstance(image, bytes | bytearray | memoryview):
        return decode(bytes(image), size)
    if isinstance(image, str | os.PathLike):
        return _read_path(image, size)
    if isinstance(image, Image.Image):
        return _upright_rgb(image)
    if hasattr(image, "__array__"):
        return to_rgb(Image.fromarray(_checked_array(np.asarray(image))))
    raise TypeError(
        "`image` must be bytes, a path, an array or a Pillow image. "
        f"Received: image of type {type(image).__name__}."
    )


def centre_square(image: Image.Image, size: int) -> np.ndarray:
    """Resizes the shorter side and crops the centre: RGB -> uint8 (size, size, 3).

    Zeiler & Fergus 2014, sec. 3.
    """
    return centre_fit(image, (size, size))


def centre_fit(image: Image.Image, shape: tuple[int, int]) -> np.ndarray:
    """Resizes until (height, width) is covered, crops the centre: RGB -> uint8.

    One antialiased bilinear step; the centre is cut at a whole pixel, so an image that
    exceeds `shape` on one side only keeps its pixels exactly.
    """
    if image.mode != "RGB":
        raise ValueError(
            f"`image` must be in mode RGB. Received: image.mode={image.mode!r}."
        )
    height, width = shape
    scale = min(image.width / width, image.height / height)
    across, down = round(width * scale), round(height * scale)
    left, top = (image.width - across) // 2, (image.height - down) // 2
    box = (left, top, left + across, top + down)
    fitted = image.resize((width, height), Image.Resampling.BILINEAR, box=box)
    return np.asarray(fitted)


def _upright_rgb(image):
    """Loads a Pillow image, converts it to RGB and turns it as its EXIF data say."""
    try:
        image.load()
    except _CORRUPT as err:
        raise BadImage(_reason(err, image.format or "image")) from err
    try:
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation))
    except _CORRUPT:  # corrupt EXIF data say nothing; the pixels are sound
        turn = None
    # Not by `ImageOps.exif_transpose`: it writes all EXIF data anew, and fails at any
    # corrupt entry.
    rgb = to_rgb(image)
    if turn is None:
        return rgb
    turned = rgb.transpose(turn)
    turned.info.clear()  # nobody shall turn it a second time
    return turned


def _reason(err, name):
    """Puts what Pillow raised into one short phrase."""
    if isinstance(err, UnidentifiedImageError):
        return "corrupt, or not an image"
    if isinstance(err, Image.DecompressionBombError):
        return "too large: over 89 million pixels"
    if isinstance(err, MemoryError):
        return "too large for the memory"
    if isinstance(err, EOFError) or "truncated" in str(err).lower():
        return "truncated"
    return f"corrupt {name}"


def _read_path(path, size):
    try:
        encoded = read_file(path)
    except NoImageFile as err:
        raise BadImage(str(err)) from err
    except FileNotFoundError as err:
        raise FileNotFoundError(
            f"`image` must be the path of a file. Received: image={os.fspath(path)!r}, "
            "which does not exist."
        ) from err
    try:
        return decode(encoded, size)
    except BadImage as err:
        raise BadImage(f"{err} ({os.fspath(path)!r})") from err


def _checked_array(array):
    """Returns a uint8 array of a shape that Pillow takes."""
    if array.dtype.kind not in "iuf":
        raise TypeError(
            "`image` must be an array of uint8 or floats. "
            f"Received: image.dtype={array.dtype}."
        )
    grey = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 1)
    colour = array.ndim == 3 and array.shape[2] in (3, 4)
    if not (grey or colour) or array.size == 0:
        raise ValueError(
            "`image` must be an array (height, width), (height, width, 1), "
            "(height, width, 3) or (height, width, 4), not empty. "
            f"Received: image.shape={array.shape}."
        )
    if array.dtype != np.uint8:
        low, high = array.min(), array.max()
        if not (low >= 0 and high <= 255):  # so that NaN fails too
            raise ValueError(
                "`image` must be finite and within 0-255. "
                f"Received: values from {low} to {high}."
            )
        array = np.rint(array).astype(np.uint8)
    return np.ascontiguousarray(array[..., 0] if array.ndim == 3 and grey else array)
