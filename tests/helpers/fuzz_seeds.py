"""Sound files of every format, in many of its dialects: what fuzzing starts from."""

import io
import os
import struct
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

from tests.helpers.pictures import encoded, picture

KINDS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
ENDINGS = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "GIF": ".gif",
    "BMP": ".bmp",
    "WEBP": ".webp",
    "TIFF": ".tif",
    "PPM": ".ppm",
}
EXIF = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHH", 8, 1, 0x0112, 3, 1, 6, 0) + bytes(4)
_ARCHIVES = ("imagenet-photographs.zip", "caltech-256-ten-categories.zip")


def sound_files(pictures: Iterable[Image.Image]) -> dict[str, list[bytes]]:
    """Every picture in every dialect that Pillow writes and one of our own.

    Args:
        pictures: in mode RGB.

    Returns:
        Format -> files that decode.
    """
    files = {kind: [] for kind in KINDS}
    for image in pictures:
        for kind, dialects in _dialects(image).items():
            files[kind] += dialects
    return files


def campaign_files(count: int, side: int) -> dict[str, list[bytes]]:
    """As `sound_files`, of generated pictures and of real photographs.

    Args:
        count: photographs of each of two archives in the folder $ZFKERAS_DATA; none
            where it is not set.
        side: of the square in pixels that pictures are made to fit.
    """
    folder = Path(os.environ.get("ZFKERAS_DATA", "nowhere"))
    originals = _photographs(folder, count) if count and folder.is_dir() else []
    pictures = [picture(side, side * 3 // 4), picture(1, 1)]
    for original in originals:
        image = Image.open(io.BytesIO(original)).convert("RGB")
        image.thumbnail((side, side))
        pictures.append(image)
    files = sound_files(pictures)
    files["JPEG"] += originals
    return files


def _photographs(folder: Path, count: int) -> list[bytes]:
    """The files of photographs of ImageNet and Caltech-256, evenly spaced."""
    found = []
    for archive in _ARCHIVES:
        with zipfile.ZipFile(folder / archive) as opened:
            names = [n for n in opened.namelist() if n.lower().endswith("g")]
            found += map(opened.read, names[:: len(names) // count][:count])
    return found


def _dialects(image: Image.Image) -> dict[str, list[bytes]]:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    more = {"exif": EXIF, "icc_profile": profile}
    frames = {"save_all": True, "append_images": [image.rotate(90), image.rotate(180)]}
    grey, palette, alpha = image.convert("L"), image.quantize(64), _faded(image)
    cmyk, black = image.convert("CMYK"), image.convert("1")
    wide = Image.fromarray(np.asarray(grey, np.uint16) * np.uint16(257))
    return {
        "JPEG": [
            encoded(image, "JPEG", **more),
            encoded(image, "JPEG", progressive=True, restart_marker_rows=2),
            encoded(image, "JPEG", subsampling=0, quality=40, comment=b"hello"),
            encoded(cmyk, "JPEG", exif=EXIF),
            encoded(grey, "JPEG", progressive=True),
        ],
        "PNG": [
            encoded(image, "PNG", **more),
            encoded(image, "PNG", **frames),
            encoded(alpha, "PNG", compress_level=0),
            encoded(palette, "PNG", transparency=bytes(range(60))),
            encoded(grey, "PNG", transparency=7),
            encoded(grey.convert("LA"), "PNG"),
            encoded(wide, "PNG"),
            encoded(black, "PNG"),
        ],
        "GIF": [
            encoded(image, "GIF"),
            encoded(palette, "GIF", **frames, transparency=3, loop=0),
            encoded(grey, "GIF", interlace=0, comment=b"hello"),
        ],
        "BMP": [
            encoded(image, "BMP"),
            encoded(palette, "BMP"),
            encoded(black, "BMP"),
            encoded(alpha, "BMP"),
            run_length_bmp(grey),
        ],
        "WEBP": [
            encoded(image, "WEBP", **more),
            encoded(image, "WEBP", lossless=True),
            encoded(alpha, "WEBP", quality=60),
            encoded(alpha, "WEBP", **frames),
        ],
        "TIFF": [
            encoded(image, "TIFF", **more),
            encoded(image, "TIFF", compression="tiff_lzw", **frames),
            encoded(alpha, "TIFF", compression="tiff_deflate"),
            encoded(image, "TIFF", compression="jpeg"),
            encoded(grey, "TIFF", compression="packbits"),
            encoded(black, "TIFF", compression="group4"),
            encoded(cmyk, "TIFF"),
            encoded(wide, "TIFF", compression="tiff_lzw"),
            encoded(Image.fromarray(np.asarray(grey, np.float32) / 255), "TIFF"),
            encoded(palette, "TIFF"),
        ],
        "PPM": [
            encoded(image, "PPM"),
            encoded(grey, "PPM"),
            encoded(black, "PPM"),
            plain_ppm(image.resize((16, 12))),
        ],
    }


def _faded(image: Image.Image) -> Image.Image:
    """The picture, more and more transparent towards the right."""
    faded = image.convert("RGBA")
    faded.putalpha(Image.linear_gradient("L").rotate(90).resize(image.size))
    return faded


def run_length_bmp(image: Image.Image) -> bytes:
    """A BMP of 8 bits, run-length encoded, which Pillow reads but does not write."""
    rows = np.asarray(image)[::-1]
    code = b"".join(
        b"".join(b"\1" + bytes([value]) for value in row) + b"\0\0" for row in rows
    )
    return bmp(image.width, image.height, code + b"\0\1")


def bmp(width: int, height: int, code: bytes, compression: int = 1) -> bytes:
    """A BMP of 8 bits with a grey palette, of whatever it claims.

    Args:
        width: claimed.
        height: claimed.
        code: what stands where the pixels should.
        compression: 0 none, 1 run lengths of bytes, 2 run lengths of half bytes.
    """
    bits = {0: 8, 1: 8, 2: 4}[compression]
    palette = b"".join(bytes([i, i, i, 0]) for i in range(2**bits))
    fields = (40, width, height, 1, bits, compression, len(code), 0, 0, 2**bits, 0)
    header = struct.pack("<IiiHHIIiiII", *fields)
    start = 14 + len(header) + len(palette)
    begin = b"BM" + struct.pack("<IHHI", start + len(code), 0, 0, start)
    return begin + header + palette + code


def plain_ppm(image: Image.Image) -> bytes:
    """A PPM whose numbers are text."""
    numbers = " ".join(map(str, np.asarray(image).ravel()))
    return f"P3\n# hello\n{image.width} {image.height}\n255\n{numbers}\n".encode()
