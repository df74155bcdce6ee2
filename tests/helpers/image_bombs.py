"""Image files that cost far more to open than they weigh.

`LIGHT` ones a decoder has to refuse or to read quickly; `HEAVY` ones are sound, as
large as is allowed, and show what an image may cost at most.
"""

import struct
import zlib

import numpy as np
from PIL import Image

from tests.helpers.fuzz_seeds import bmp
from tests.helpers.pictures import encoded, picture

SIDE = 20_000
_LARGEST = 9_400  # its square is just below the limit of 2**28 // 3 pixels


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


def png_that_claims(width: int, height: int, bits: int = 8, colour: int = 2) -> bytes:
    """A PNG of a hundred bytes of pixels, of whatever it claims."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(bytes(100)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data + chunk(b"IEND", b"")


def with_chunk(png: bytes, kind: bytes, data: bytes) -> bytes:
    """Puts a chunk behind the header of a PNG."""
    return png[:33] + chunk(kind, data) + png[33:]


def many_scans(width: int, height: int, scans: int) -> bytes:
    """A progressive JPEG whose last scan, some bytes, comes again and again.

    Each costs a pass over all coefficients of the image.
    """
    sound = encoded(Image.new("L", (width, height), 128), "JPEG", progressive=True)
    last = sound[sound.rindex(b"\xff\xda") : -2]
    return sound[:-2] + last * scans + sound[-2:]


def _claims(kind, width, height):
    """A small file of a format that says it is large."""
    if kind == "PNG":
        return png_that_claims(width, height)
    if kind == "BMP":
        return bmp(width, height, bytes(100), 0)
    if kind == "PPM":
        return f"P6\n{width} {height}\n255\n".encode() + bytes(100)
    data = bytearray(encoded(picture(16, 16), kind))
    if kind == "JPEG":
        at, form, size = data.index(b"\xff\xc0") + 5, ">HH", (height, width)
    elif kind == "GIF":
        at, form, size = 6, "<HH", (width, height)
        frame = data.index(b",", 13 + (3 << ((data[10] & 7) + 1)))
        struct.pack_into("<HH", data, frame + 5, width, height)
    elif kind == "WEBP":  # 14 bits each
        at, form, size = 26, "<HH", (min(width, 16383), min(height, 16383))
    else:
        (start,) = struct.unpack_from("<I", data, 4)
        struct.pack_into("<HHII", data, start + 2, 256, 4, 1, width)
        at, form, size = start + 14, "<HHII", (257, 4, 1, height)
    struct.pack_into(form, data, at, *size)
    return bytes(data)


def _extended_webp(width, height):
    """A WebP whose animation is said to be played on a canvas of 24 bits a side."""
    frames = {"save_all": True, "append_images": [picture(8, 8).rotate(90)]}
    data = bytearray(encoded(picture(8, 8), "WEBP", **frames))
    data[24:27] = (width - 1).to_bytes(3, "little")
    data[27:30] = (height - 1).to_bytes(3, "little")
    return bytes(data)


def _compressed_text(kind, begin):
    """A PNG with a chunk that unpacks to 64 MB."""
    text = zlib.compress(bytes(2**26))
    return with_chunk(encoded(picture(9, 9), "PNG"), kind, begin + text)


def _many_frames(kind):
    frames = [Image.new("L", (9, 9), i % 256) for i in range(300)]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:])


def _strips(count):
    """A TIFF that says it has its pixels in very many pieces."""
    data = bytearray(encoded(picture(16, 16).convert("L"), "TIFF"))
    (start,) = struct.unpack_from("<I", data, 4)
    struct.pack_into("<HHII", data, start + 2, 273, 4, count, 8)
    return bytes(data)


def _turning_tiff():
    """A TIFF whose next directory is its first."""
    data = bytearray(encoded(picture(16, 16), "TIFF"))
    (start,) = struct.unpack_from("<I", data, 4)
    (number,) = struct.unpack_from("<H", data, start)
    struct.pack_into("<I", data, start + 2 + 12 * number, start)
    return bytes(data)


def _line(width, height, kind):
    return encoded(Image.new("RGB", (width, height), "teal"), kind)


LIGHT = {
    **{
        f"claims {width}x{height} {kind}": (
            lambda kind=kind, size=(width, height): (kind, _claims(kind, *size))
        )
        for kind in ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
        for width, height in ((SIDE, SIDE), (SIDE, 1), (1, SIDE), (65535, 65535))
    },
    **{
        f"is {width}x{height} {kind}": (
            lambda kind=kind, size=(width, height): (kind, _line(*size, kind))
        )
        for kind in ("JPEG", "PNG", "BMP", "TIFF", "PPM")
        for width, height in ((SIDE, 1), (1, SIDE), (1, 1))
    },
    "JPEG of 5,000 scans": lambda: ("JPEG", many_scans(2000, 2000, 5000)),
    "PNG of 2**31 pixels": lambda: ("PNG", png_that_claims(2**31 - 1, 1)),
    "PNG, text of 64 MB": lambda: ("PNG", _compressed_text(b"zTXt", b"a\0\0")),
    "PNG, profile of 64 MB": lambda: ("PNG", _compressed_text(b"iCCP", b"a\0\0")),
    "GIF of 300 frames": lambda: ("GIF", _many_frames("GIF")),
    "WebP of 300 frames": lambda: ("WEBP", _many_frames("WEBP")),
    "WebP, canvas of 2**48": lambda: ("WEBP", _extended_webp(2**24, 2**24)),
    "WebP, canvas of 16383x16383": lambda: ("WEBP", _extended_webp(16383, 16383)),
    "BMP, leap of 255 rows": lambda: (
        "BMP",
        bmp(20_000_000, 1, b"\0\2\xff\xff\0\1"),
    ),
    "TIFF of 2**31 strips": lambda: ("TIFF", _strips(2**31)),
    "TIFF that goes in a circle": lambda: ("TIFF", _turning_tiff()),
}


def _flat(mode, kind, **options):
    return kind, encoded(Image.new(mode, (_LARGEST, _LARGEST)), kind, **options)


def _wide_floats():
    flat = np.full((_LARGEST, _LARGEST), 200, np.float32)
    return "TIFF", encoded(Image.fromarray(flat), "TIFF", compression="tiff_deflate")


HEAVY = {
    "JPEG": lambda: _flat("RGB", "JPEG"),
    "progressive JPEG": lambda: _flat("CMYK", "JPEG", progressive=True),
    "PNG": lambda: _flat("RGB", "PNG"),
    "PNG with alpha": lambda: _flat("RGBA", "PNG"),
    "PNG, palette with alpha": lambda: _flat("P", "PNG", transparency=bytes(9)),
    "PNG of 16 bits": lambda: _flat("I;16", "PNG"),
    "GIF": lambda: _flat("P", "GIF"),
    "BMP, run lengths": lambda: (
        "BMP",
        bmp(_LARGEST, _LARGEST, b"\1\1\0\0" * _LARGEST, 1),
    ),
    "BMP, run lengths of half bytes": lambda: (
        "BMP",
        bmp(_LARGEST, _LARGEST, (b"\xff\x12" * 37 + b"\0\0") * _LARGEST, 2),
    ),
    "WebP": lambda: (
        "WEBP",
        encoded(Image.new("RGBA", (9000, 9000)), "WEBP", lossless=True),
    ),
    "TIFF of floats": _wide_floats,
    "TIFF, CMYK": lambda: _flat("CMYK", "TIFF", compression="tiff_deflate"),
}
