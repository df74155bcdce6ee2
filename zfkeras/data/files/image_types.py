"""Tells which files may be images by name, and names a format by its first bytes."""

import functools
import mimetypes
import re

# Python's table, without that of the machine.
_TYPES = mimetypes.MimeTypes(filenames=())
# Endings that Python 3.11's table does not know: of images, and of files beside them.
_MORE_TYPES = {
    "image/x-other": ".jfif .jp2 .j2k .jxl .heic .heif .avif .webp .dng .nef .cr2 .psd",
    "application/x-other": ".cache .cfg .db .ini .ipynb .lock .log .md .npy .npz "
    ".parquet .pkl .pt .pth .toml .yaml .yml",
}
for _type, _endings in _MORE_TYPES.items():
    for _ending in _endings.split():
        _TYPES.add_type(_type, _ending)

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
    rb"version https://git-lfs": "Git LFS pointer",
}
# Beginning of a text, behind comments and an XML declaration -> its format.
_TEXTS = {
    b"<svg": "SVG",
    b"<!doctype svg": "SVG",
    b"<!doctype html": "HTML page",
    b"<html": "HTML page",
    b"<head": "HTML page",
    b"<body": "HTML page",
    b"<": "XML",
    b"{": "JSON",
    b"[": "JSON",
}


@functools.lru_cache(maxsize=256)
def _has_image_ending(ending: str) -> bool:
    kind, encoding = _TYPES.guess_type(f"x{ending}", strict=False)
    return encoding is None and (kind is None or kind.startswith("image/"))


def may_be_image(name: str) -> bool:
    """Says whether a file is tried as an image, judging by the ending of its name."""
    _, dot, ending = name.rpartition("/")[2].rpartition(".")
    return _has_image_ending(f".{ending.lower()}" if dot else "")


def is_image_type(name: str) -> bool:
    """Says whether the ending is an image's: known, and of an image type."""
    kind, encoding = _TYPES.guess_type(name.lower(), strict=False)
    return encoding is None and (kind or "").startswith("image/")


def format_name(encoded: bytes) -> str | None:
    """Names the format of a file by its first bytes; `None` if it is not recognised."""
    start = encoded[:1024]
    for pattern, name in _SIGNATURES.items():
        if re.match(pattern, start, re.DOTALL):
            return name
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    is_xml = text.startswith(b"<?xml")
    for opening, closing in ((b"<?xml", b"?>"), *[(b"<!--", b"-->")] * 32):
        if text.startswith(opening):
            text = text.partition(closing)[2].lstrip()
    found = (name for beginning, name in _TEXTS.items() if text.startswith(beginning))
    return next(found, "XML" if is_xml else None)
