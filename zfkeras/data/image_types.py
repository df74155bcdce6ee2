"""Which files may be images, by name, and what a file is that cannot be decoded.

It decodes nothing.
"""

import functools
import mimetypes
import re

# Python's own table, without that of the machine: the same answer everywhere.
_TYPES = mimetypes.MimeTypes(filenames=())
# Files that lie beside images and that Python's table does not know.
for _ending in (
    ".cache .cfg .db .ini .ipynb .lock .log .md .npy .npz .parquet .pkl .pt .pth .toml "
    ".yaml .yml"
).split():
    _TYPES.add_type("application/octet-stream", _ending)

# Pattern of a file's first bytes -> its format. In an ISO file the brand says which.
_SIGNATURES = {
    rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51": "JPEG 2000",
    rb"\xff\x0a|\x00\x00\x00\x0cJXL ": "JPEG XL",
    rb"....ftyp(heic|heix|hevc|heim|heis|mif1|msf1)": "HEIC",
    rb"....ftyp": "video",
    rb"8BPS": "Photoshop",
    rb"%PDF": "PDF",
    rb"%!PS": "PostScript",
    rb"PK\x03\x04": "zip archive",
    rb"\x1f\x8b": "gzip archive",
    rb"\x00\x00\x01\x00": "icon",
    rb"(?i)\s*(<\?xml[^>]*>)?\s*(<!--.*?-->\s*)*(<!doctype svg[^>]*>)?\s*<svg": "SVG",
    rb"(?i)\s*(<!--.*?-->\s*)*<(!doctype html|html|head|body)": "HTML page",
    rb"\s*<\?xml": "XML",
    rb"version https://git-lfs": "Git LFS pointer",
    rb"\s*[\[{]": "JSON",
}


@functools.lru_cache(maxsize=256)
def _has_image_ending(ending: str) -> bool:
    kind, _ = _TYPES.guess_type(f"x{ending}", strict=False)
    return kind is None or kind.startswith("image/")


def may_be_image(name: str) -> bool:
    """Says whether a file is tried as an image, judging by the ending of its name.

    Args:
        name: of the file, with or without the folders above it.

    Returns:
        True for an image's ending (.jpg, .jfif, .avif, .svg, ...), an unknown one or
        none: the content decides. False for endings of other types (.txt, .json, .csv,
        .xml, .mp4, ...).

    Example:
        >>> may_be_image("cat.jfif"), may_be_image("cat"), may_be_image("cat.json")
        (True, True, False)
    """
    _, dot, ending = name.rpartition("/")[2].rpartition(".")
    return _has_image_ending(f".{ending.lower()}" if dot else "")


def is_image_type(name: str) -> bool:
    """Says whether the ending is an image's: known, and of an image type."""
    kind, _ = _TYPES.guess_type(name.lower(), strict=False)
    return kind is not None and kind.startswith("image/")


def format_name(encoded: bytes) -> str | None:
    """Names the format of a file by its first bytes; `None` if it is not recognised.

    Args:
        encoded: the file, or its first kilobyte.

    Example:
        >>> format_name(b"<!DOCTYPE html><html>not found</html>")
        'HTML page'
    """
    start = encoded[:1024].removeprefix(b"\xef\xbb\xbf")
    for pattern, name in _SIGNATURES.items():
        if re.match(pattern, start, re.DOTALL):
            return name
    return None
