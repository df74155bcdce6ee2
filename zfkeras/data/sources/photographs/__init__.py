"""`photographs`: square crops of 67 photographs that come with the package.

Anybody may show them: they are CC0, in the public domain, or CC BY. `licences.json`
names author, licence and origin of each. No download.
"""

import dataclasses
import functools
import io
import json
import logging
from pathlib import Path

import numpy as np
from PIL import Image

from zfkeras.data.register import Source
from zfkeras.data.split import ListedSplit
from zfkeras.errors import UsageError

_log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent
LICENCES = FOLDER / "licences.json"
# Crops along the shorter side: whole photographs, halves and so on, so that objects of
# any size fill one. Squares of one size hardly overlap.
_DIVISIONS = (1, 2, 4)
_WHOLE = "whole"


@dataclasses.dataclass(frozen=True)
class Photograph:
    """A photograph and its credit."""

    file: str
    title: str
    author: str
    licence: str
    licence_url: str
    source: str
    taken_from: str
    shows: str


@functools.cache
def photographs() -> tuple[Photograph, ...]:
    """Returns the photographs of the package, sorted by file name."""
    known = json.loads(LICENCES.read_text(encoding="utf-8"))
    return tuple(
        Photograph(file, **entry, licence_url=known["licences"][entry["licence"]])
        for file, entry in sorted(known["photographs"].items())
    )


@functools.cache  # once is enough, however often they are opened
def _ask_for_credit():
    _log.info("name the authors where you show these photographs: %s", LICENCES)


def open_source(rest: str = "") -> Source:
    """Opens the built-in photographs: one split, "validation", of square crops."""
    if rest not in ("", _WHOLE):
        raise UsageError(
            f"--data must be photographs or photographs:{_WHOLE}. "
            f"Received: photographs:{rest}."
        )
    _ask_for_credit()
    class_names = sorted({photo.shows for photo in photographs()})
    keys, labels, ids = [], [], []
    for photo in photographs():
        with Image.open(FOLDER / photo.file) as image:
            found = _middle(*image.size) if rest else squares(*image.size)
        for left, top, side in found:
            keys.append(f"{photo.file} {left} {top} {side}")
            labels.append(class_names.index(photo.shows) if rest else -1)
            stem = photo.file.removesuffix(".jpg")
            ids.append(f"{stem}/left {left} top {top} side {side}")
    split = ListedSplit(
        np.array(keys, bytes), np.array(labels), np.array(ids, bytes), read_crop
    )
    spec = f"photographs:{rest}" if rest else "photographs"
    return Source(spec, tuple(class_names), {"validation": split})


def squares(width: int, height: int) -> list[tuple[int, int, int]]:
    """Divides a picture into squares of several sizes, the largest first."""
    shorter = min(width, height)
    found = []
    for division in _DIVISIONS:
        side = shorter // division
        found += [
            (left, top, side)
            for top in _starts(height, side)
            for left in _starts(width, side)
        ]
    return found


def _middle(width: int, height: int) -> list[tuple[int, int, int]]:
    """Returns the largest square in the middle."""
    side = min(width, height)
    return [((width - side) // 2, (height - side) // 2, side)]


def read_crop(key: bytes) -> bytes:
    """Cuts a square out of a photograph."""
    file, *box = key.decode().split()
    left, top, side = map(int, box)
    crop = _decoded(file).crop((left, top, left + side, top + side))
    encoded = io.BytesIO()
    crop.save(encoded, "PNG", compress_level=1)
    return encoded.getvalue()


def _starts(length: int, side: int) -> list[int]:
    """Spreads squares over a length; less than half of one is left out."""
    count = max(1, round(length / side))
    if count == 1:
        return [(length - side) // 2]
    return np.linspace(0, length - side, count).round().astype(int).tolist()


# Most reads are in order, so that a few decoded photographs, of 0.6 MB each, suffice.
@functools.lru_cache(maxsize=8)
def _decoded(file: str) -> Image.Image:
    with Image.open(FOLDER / file) as image:
        return image.convert("RGB")
