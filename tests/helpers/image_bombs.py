"""Small image files that would cost much time or memory to decode."""

import struct
import zlib

from PIL import Image

from tests.helpers.pictures import encoded


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


def png_that_claims(width: int, height: int, bits: int = 8, colour: int = 2) -> bytes:
    """A PNG of a hundred bytes of pixels, of whatever it claims."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(bytes(100)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data + chunk(b"IEND", b"")


def many_scans(width: int, height: int, scans: int) -> bytes:
    """A progressive JPEG whose last scan, some bytes, comes again and again.

    Each costs a pass over all coefficients of the image.
    """
    sound = encoded(Image.new("L", (width, height), 128), "JPEG", progressive=True)
    last = sound[sound.rindex(b"\xff\xda") : -2]
    return sound[:-2] + last * scans + sound[-2:]
