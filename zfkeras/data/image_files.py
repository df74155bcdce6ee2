"""Encoded image files, cut down to what makes the pixels before Pillow sees them.

A photograph carries much besides its pixels (EXIF, colour profiles, thumbnails, text,
later frames), and where that is faulty Pillow warns, or refuses an image whose pixels
are sound. Python's warnings cannot be silenced safely while other threads decode, so
what could cause one is cut away here. It decodes nothing.
"""

import re
import struct

from PIL import TiffTags
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

# Where Pillow starts to warn of decompression bombs: 2**28 bytes of RGB, about 89
# million pixels. Files are refused from here on, so that Pillow has nothing to say.
MAX_PIXELS = 2**28 // 3

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class BadImage(ValueError):
    """An image that cannot be read; the message is the reason, one short phrase."""


def recognise(encoded: bytes) -> tuple[type[ImageFile], bytes, int]:
    """Finds the format of an image file by its content and strips the file.

    Args:
        encoded: a JPEG, PNG, GIF, BMP, WebP, TIFF or PPM file.

    Returns:
        Pillow's class that opens it; the file, without what no pixel depends on; and
        the EXIF orientation found on the way, 1 to 8 (1: upright, or none found).

    Raises:
        BadImage: it is none of these formats, truncated or corrupt.
    """
    for magic, opener, strip in _FORMATS:
        if magic.match(encoded):
            stripped, orientation = strip(encoded)
            return opener, stripped, orientation
    raise BadImage("not an image")


def exif_orientation(exif: bytes) -> int:
    """Returns the orientation that EXIF data state, 1 to 8; 1 where they state none."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2], "")
    if not order:
        return 1
    try:
        (start,) = struct.unpack_from(order + "I", tiff, 4)
        (num_entries,) = struct.unpack_from(order + "H", tiff, start)
        for entry in range(start + 2, start + 2 + 12 * num_entries, 12):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, entry)
            if tag == 0x0112:
                return value if kind == 3 and 1 <= value <= 8 else 1
    except struct.error:  # corrupt EXIF data say nothing; the pixels may be sound
        pass
    return 1


def check_size(width: int, height: int) -> None:
    """Refuses a decompression bomb: more than `MAX_PIXELS` pixels."""
    if width * height > MAX_PIXELS:
        raise BadImage(f"too large: {width}x{height} pixels")


def _strip_jpeg(encoded):
    """Leaves out the application segments, but for JFIF's and Adobe's, and comments."""
    whole, kept, orientation = memoryview(encoded), [b"\xff\xd8"], 1
    end = 2
    while True:
        start = encoded.find(b"\xff", end)
        while start >= 0 and encoded[start + 1 : start + 2] == b"\xff":
            start += 1  # padding
        if start < 0 or start + 4 > len(encoded):
            raise BadImage("truncated")
        marker, length = (
            encoded[start + 1],
            int.from_bytes(whole[start + 2 : start + 4]),
        )
        if marker == 0xDA:  # the scan, and everything after it
            return b"".join([*kept, whole[start:]]), orientation
        if marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD8:  # stand alone
            end = start + 2
            continue
        end = start + 2 + length
        if length < 2 or marker == 0xD9:
            raise BadImage("corrupt JPEG")
        if end > len(encoded):
            raise BadImage("truncated")
        if marker == 0xE1 and encoded.startswith(b"Exif\0\0", start + 4):
            if orientation == 1:
                orientation = exif_orientation(encoded[start + 4 : end])
        # APP0 and APP14 decide how the components become colours.
        elif not 0xE1 <= marker <= 0xEF or marker == 0xEE:
            if marker != 0xFE:
                kept.append(whole[start:end])


def _strip_png(encoded):
    """Leaves out every chunk but the header, palette, transparency and pixels."""
    whole, kept, orientation = memoryview(encoded), [_PNG_SIGNATURE], 1
    end = len(_PNG_SIGNATURE)
    while True:
        start = end
        if start + 12 > len(encoded):
            raise BadImage("truncated")
        length, kind = struct.unpack_from(">I4s", encoded, start)
        end = start + 12 + length
        if end > len(encoded):
            raise BadImage("truncated")
        if kind == b"eXIf":
            orientation = exif_orientation(encoded[start + 8 : end - 4])
        elif kind in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"):
            kept.append(whole[start:end])
        if kind == b"IEND":
            return b"".join(kept), orientation


def _strip_gif(encoded):
    """Leaves only the first frame: its tables, its transparency and its pixels."""
    whole = memoryview(encoded)
    try:
        end = 13 + _gif_table_bytes(encoded[10])
        kept = [whole[:end]]
        while encoded[end] != 0x2C:  # until the first frame
            start = end
            if encoded[start] == 0x21:
                end = _gif_blocks_end(encoded, start + 2)
                if encoded[start + 1] == 0xF9:  # graphic control: transparency
                    kept.append(whole[start:end])
            elif encoded[start] == 0x3B:
                raise BadImage("no frame")
            else:
                end += 1  # stray bytes, as Pillow and browsers treat them
        start = end
        left, top, width, height, flags = struct.unpack_from("<4HB", encoded, start + 1)
        screen = struct.unpack_from("<2H", encoded, 6)
        # A frame that sticks out of the screen enlarges it.
        check_size(max(screen[0], left + width), max(screen[1], top + height))
        end = _gif_blocks_end(encoded, start + 11 + _gif_table_bytes(flags))
    except (IndexError, struct.error) as err:
        raise BadImage("truncated") from err
    return b"".join([*kept, whole[start:end], b";"]), 1


def _gif_table_bytes(flags):
    """Returns the size of the colour table that the flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _gif_blocks_end(encoded, position):
    """Returns where a chain of data blocks that starts at `position` has ended."""
    while encoded[position]:
        position += 1 + encoded[position]
    return position + 1


# The tags on which the pixels of a TIFF depend: size, sample layout, compression,
# strips, tiles, colour map, extra samples, JPEG tables and chroma subsampling.
_TIFF_TAGS = {256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317}
_TIFF_TAGS |= {320, 322, 323, 324, 325, 338, 339, 347, 530, 532}
_TIFF_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 11: 4, 12: 8}


def _strip_tiff(encoded):
    """Gives the first page a new directory, at the end, of sound and needed tags.

    The offsets in a TIFF count from its start, so the rest stays where it is.
    """
    order = "<" if encoded[:2] == b"II" else ">"
    entries, claimed_bytes = {}, 0
    try:
        (start,) = struct.unpack_from(order + "I", encoded, 4)
        (num_entries,) = struct.unpack_from(order + "H", encoded, start)
        for at in range(start + 2, start + 2 + 12 * num_entries, 12):
            tag, kind, count, offset = struct.unpack_from(order + "HHII", encoded, at)
            if tag in _TIFF_TAGS and kind in _TIFF_TYPE_BYTES and tag not in entries:
                entries[tag] = encoded[at : at + 12]
                num_bytes = count * _TIFF_TYPE_BYTES[kind]
                if num_bytes > 4:  # else the value stands in place of the offset
                    claimed_bytes += num_bytes
                    if offset + num_bytes > len(encoded):
                        raise BadImage("truncated")
                single = TiffTags.lookup(tag).length == 1
                if single and count != 1 and kind not in (1, 2, 7):  # not of bytes
                    raise BadImage("corrupt TIFF")
    except struct.error as err:
        raise BadImage("truncated") from err
    if claimed_bytes > len(encoded):
        raise BadImage("corrupt TIFF")
    directory = struct.pack(order + "H", len(entries)) + b"".join(entries.values())
    body = encoded[8:] + bytes(len(encoded) % 2)
    header = encoded[:4] + struct.pack(order + "I", 8 + len(body))
    return header + body + directory + bytes(4), exif_orientation(encoded)


def _strip_webp(encoded):
    """Leaves a WebP file as it is: Pillow reads nothing but pixels from it unasked."""
    if len(encoded) < 8 + int.from_bytes(encoded[4:8], "little"):
        raise BadImage("truncated")
    return encoded, 1


def _strip_nothing(encoded):
    return encoded, 1


# What each format begins with. These are the formats of image collections; every
# further one would be a further parser that strangers' files reach.
_FORMATS = [
    (re.compile(rb"\xff\xd8\xff"), JpegImageFile, _strip_jpeg),
    (re.compile(re.escape(_PNG_SIGNATURE)), PngImageFile, _strip_png),
    (re.compile(rb"GIF8[79]a"), GifImageFile, _strip_gif),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), WebPImageFile, _strip_webp),
    (re.compile(rb"II\*\0|MM\0\*"), TiffImageFile, _strip_tiff),
    (re.compile(rb"BM"), BmpImageFile, _strip_nothing),
    (re.compile(rb"P[1-6fF][\s#]"), PpmImageFile, _strip_nothing),
]
