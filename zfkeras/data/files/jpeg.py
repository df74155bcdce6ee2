"""Reads the markers of a JPEG file, not its pixels."""

import re
import struct
from collections.abc import Iterator

# Photographs have about ten. Each costs a pass over the whole image, however few its
# bytes: without a limit 86 kB of them take half a minute. libtiff has the same one.
MAX_SCANS = 100

# A marker of a JPEG, but none of those that stand inside a scan.
_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
_BARE_MARKERS = (0x01, 0xD8)
_END, _SCAN = 0xD9, 0xDA
# What else has such a number holds tables, or is reserved.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Baseline, extended and progressive, with Huffman codes.
_USUAL_FRAMES = (0xC0, 0xC1, 0xC2)


def segments(encoded: bytes) -> Iterator[tuple[int, int]]:
    """Yields the markers of a JPEG up to its end, with where their contents begin."""
    at = 2
    while found := _MARKER.search(encoded, at):
        marker, at = found[1][0], found.end()
        if marker == _END:  # what follows, such as a film of the moment, is not read
            break
        yield marker, at
        if marker not in _BARE_MARKERS:
            at += int.from_bytes(encoded[at : at + 2], "big")


def is_jpeg(encoded: bytes) -> bool:
    """Returns whether a file begins as a JPEG."""
    return encoded.startswith(b"\xff\xd8")


def num_scans(encoded: bytes) -> int:
    """Counts the scans of a JPEG; 0 for other formats."""
    if not is_jpeg(encoded):
        return 0
    return sum(marker == _SCAN for marker, _ in segments(encoded))


def is_plain_jpeg(encoded: bytes, shape: tuple[int, int]) -> bool:
    """Returns whether all there is to do is to decode a JPEG of (height, width).

    It has 8 bits, one or three channels, and no EXIF data that might turn it. Of such a
    file TensorFlow's decoder and Pillow's make the same pixels.
    """
    if not is_jpeg(encoded) or b"Exif" in encoded:
        return False
    if encoded.count(b"\xff\xda") > MAX_SCANS:
        return False
    for marker, at in segments(encoded):
        if marker in _FRAMES:
            header = encoded[at + 2 : at + 8]
            if marker not in _USUAL_FRAMES or len(header) < 6:
                return False
            bits, height, width, channels = struct.unpack(">BHHB", header)
            return (bits, height, width) == (8, *shape) and channels in (1, 3)
    return False
