"""Where the parts of an image file are, and where it says how large they are.

It reads broken files as well: what it cannot follow is one last part.
"""

import itertools
import re
import struct
import zlib

_JPEG_BARE = {0xD8, 0xD9, 0x01, *range(0xD0, 0xD8)}


def parts(kind: str, data: bytes) -> list[bytes]:
    """Cuts a file into segments, chunks or blocks that put together are the file."""
    cuts = [0, *_CUTS[kind](data), len(data)]
    cuts = sorted({cut for cut in cuts if cut <= len(data)})
    return [data[a:b] for a, b in itertools.pairwise(cuts)]


def sizes(kind: str, data: bytes) -> list[tuple[int, str]]:
    """Places of numbers that say how large something is, as (offset, struct format)."""
    found = _SIZES[kind](data)
    return [(at, form) for at, form in found if at + struct.calcsize(form) <= len(data)]


def mended_png(data: bytes) -> bytes:
    """Sets the checksums of all chunks right, so that their content is looked at."""
    made = bytearray(data)
    for start in _png(data):
        (length,) = struct.unpack_from(">I", data, start)
        end = start + 8 + length
        if end + 4 <= len(data):
            made[end : end + 4] = struct.pack(">I", zlib.crc32(made[start + 4 : end]))
    return bytes(made)


def _jpeg(data):
    cuts, at = [], 0
    while at + 4 <= len(data) and data[at] == 0xFF:
        cuts.append(at)
        marker = data[at + 1]
        at += 2
        if marker in _JPEG_BARE:
            continue
        at += max(struct.unpack_from(">H", data, at)[0], 2)
        if marker == 0xDA:  # what follows runs up to the next true marker
            ends = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]").search(data, at)
            at = ends.start() if ends else len(data)
    return cuts


def _png(data):
    cuts, at = [], 8
    while at + 8 <= len(data):
        cuts.append(at)
        at += 12 + struct.unpack_from(">I", data, at)[0]
    return cuts


def _gif(data):
    at = 13 + (3 << ((data[10] & 7) + 1) if len(data) > 10 and data[10] & 128 else 0)
    cuts = []
    while at + 10 < len(data) and data[at] in b"!,":
        cuts.append(at)
        if data[at] == 0x21:
            at += 2
        else:
            flags = data[at + 9]
            at += 11 + (3 << ((flags & 7) + 1) if flags & 128 else 0)
        while at < len(data) and data[at]:
            at += data[at] + 1
        at += 1
    return [*cuts, at]


def _webp(data):
    cuts, at = [], 12
    while at + 8 <= len(data):
        cuts.append(at)
        length = struct.unpack_from("<I", data, at + 4)[0]
        at += 8 + length + length % 2
    return cuts


def _bmp(data):
    pixels = struct.unpack_from("<I", data, 10)[0] if len(data) > 14 else 0
    return [14, 54, pixels]


def _tiff(data):
    if len(data) < 16:
        return []
    order = "<" if data[:2] == b"II" else ">"
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    if start + 2 > len(data):
        return [8]
    (number,) = struct.unpack_from(f"{order}H", data, start)
    return [8, start, *(start + 2 + 12 * i for i in range(number + 1))]


def _ppm(data):
    return [match.end() for match in re.finditer(rb"\s", data[:40])]


_CUTS = {
    "JPEG": _jpeg,
    "PNG": _png,
    "GIF": _gif,
    "BMP": _bmp,
    "WEBP": _webp,
    "TIFF": _tiff,
    "PPM": _ppm,
}


def _jpeg_sizes(data):
    found = []
    for cut in _jpeg(data):
        if data[cut + 1] not in _JPEG_BARE:
            found.append((cut + 2, ">H"))
        if data[cut + 1] in (0xC0, 0xC2):
            found += [(cut + 5, ">H"), (cut + 7, ">H"), (cut + 9, "B")]
    return found


def _tiff_sizes(data):
    order = "<" if data[:2] == b"II" else ">"
    entries = [cut for cut in _tiff(data) if cut > 8]
    found = [(4, f"{order}I"), *((at, f"{order}H") for at in entries[:1])]
    for at in entries[1:]:
        found += [(at, f"{order}H"), (at + 2, f"{order}H")]
        found += [(at + 4, f"{order}I"), (at + 8, f"{order}I")]
    return found


def _gif_sizes(data):
    found = [(6, "<H"), (8, "<H"), (10, "B")]
    for cut in _gif(data):
        if data[cut : cut + 1] == b",":
            found += [(cut + 1 + 2 * i, "<H") for i in range(4)]
            found += [(cut + 9, "B"), (cut + 10, "B"), (cut + 11, "B")]
        else:
            found.append((cut + 2, "B"))
    return found


_SIZES = {
    "JPEG": _jpeg_sizes,
    "PNG": lambda data: [
        (16, ">I"),
        (20, ">I"),
        (24, "B"),
        (25, "B"),
        *((cut, ">I") for cut in _png(data)),
    ],
    "GIF": _gif_sizes,
    "BMP": lambda data: (
        [(at, "<I") for at in (2, 10, 14, 18, 22, 30, 34, 46, 50)]
        + [(26, "<H"), (28, "<H")]
    ),
    "WEBP": lambda data: (
        [(4, "<I")]
        + [(cut + 4, "<I") for cut in _webp(data)]
        + [(at, "<H") for at in (20, 24, 26, 27, 29)]
    ),
    "TIFF": _tiff_sizes,
    "PPM": lambda data: [],
}
