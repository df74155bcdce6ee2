"""`shapes`: twelve kinds of textured shapes on cluttered grounds, generated.

Every image's object mask is known, so it serves the demo, the tests, and checks that
need the truth (does occluding the object lower its probability?). No download.
"""

import dataclasses
import functools
import io
import math

import numpy as np
from PIL import Image

from zfkeras.data.orders import carved_positions, stream_rows
from zfkeras.data.register import Source
from zfkeras.data.sources.shapes import scenes
from zfkeras.data.sources.shapes.outlines import OUTLINES
from zfkeras.data.split import ListedSplit, Split
from zfkeras.errors import UsageError

CLASS_NAMES = tuple(OUTLINES)
PER_CLASS = {"train": 300, "validation": 50}

_SIDES = range(16, 1025)
# Positions are held in 32 bits.
MAX_IMAGES = 2_000_000_000

# How far a shape may be turned to either side, in radians; beyond it, a square would
# read as a diamond.
_MAX_ANGLE = math.radians(20)


def open_source(rest: str = "") -> Source:
    """Opens the built-in data set: splits "train" (3,600) and "validation" (600)."""
    side, colon, count = rest.partition(":")
    # Compared as text: 064, other alphabets' digits and 5,000 digits are refused too.
    if rest and side not in map(str, _SIDES):
        raise UsageError(
            f"--data shapes:SIZE needs a side of 16 to 1024 pixels. Received: {rest!r}."
        )
    size = int(side or 64)
    splits = {name: _split(name, size) for name in PER_CLASS}
    if colon:
        splits["train"] = _DrawnSplit("train", size, _num_images(count))
    return Source(f"shapes:{rest}" if rest else "shapes", CLASS_NAMES, splits)


def render(
    split: str, index: int, size: int = 64, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, int]:
    """Draws image uint8 (size, size, 3), object mask bool (size, size), and label."""
    for name, number, least in (
        ("index", index, 0),
        ("size", size, 1),
        ("seed", seed, 0),
    ):
        if number < least:
            raise UsageError(
                f"{name} must be at least {least}. Received: {name}={number!r}."
            )
    if split not in PER_CLASS:
        raise UsageError(
            f"split must be one of {sorted(PER_CLASS)} for --data shapes. "
            f"Received: split={split!r}."
        )
    label = index % len(CLASS_NAMES)
    random = np.random.default_rng([seed, list(PER_CLASS).index(split), index])
    radius = random.uniform(0.2, 0.34)
    centre = random.uniform(radius + 0.02, 1 - radius - 0.02, 2)
    angle = random.uniform(-_MAX_ANGLE, _MAX_ANGLE)
    ground_colour, object_colour = scenes.two_colours(random)

    coverage = scenes.outline_mask(
        OUTLINES[CLASS_NAMES[label]], centre, radius, angle, size
    )
    surface = scenes.texture(random, object_colour, size)
    ground = scenes.texture(random, ground_colour, size)
    ground = scenes.cluttered(random, ground, ground_colour)
    scene = ground + coverage[:, :, None] * (surface - ground)
    scene *= scenes.lighting(random, size)
    image = np.rint(np.clip(scene, 0, 255)).astype(np.uint8)
    return image, coverage >= 0.5, label


def mask(id: str | bytes, size: int = 64) -> np.ndarray:
    """Returns the object's mask of the example with this id: bool (size, size)."""
    name = id.decode(errors="replace") if isinstance(id, bytes) else id
    split, _, number = name.partition("/")
    # There are more than 3,600 training images where a number is asked for.
    count = {"train": MAX_IMAGES, "validation": _num_listed("validation")}.get(split, 0)
    # The length first: Python refuses to read a number of 5,000 digits.
    if not (number.isdecimal() and len(number) <= 10 and int(number) < count):
        known = " or ".join(f"{key}/NUMBER" for key in PER_CLASS)
        raise UsageError(
            f"id must be {known}, of an example of --data shapes. Received: id={id!r}."
        )
    return render(split, int(number), size)[1]


@dataclasses.dataclass(frozen=True, eq=False)
class _DrawnSplit(Split):
    """Any number of images, each drawn when it is read; none is kept."""

    name: str
    size: int
    num_drawn: int
    kept: np.ndarray | None = None

    @property
    def num_examples(self):
        return self.num_drawn if self.kept is None else len(self.kept)

    def stream(self, shuffle_seed=None, start=0):
        def rows(positions):
            numbers = self._numbers(positions)
            keys = _keys(self.name, numbers)
            return keys, numbers % len(CLASS_NAMES), keys

        return stream_rows(self.num_examples, rows, shuffle_seed, start)

    def read(self, key):
        return _draw(key, self.size)

    def carve(self, fraction, seed=0):
        numbers = self._numbers(slice(0, self.num_examples))
        labels = (numbers % len(CLASS_NAMES)).astype(np.int8)
        parts = carved_positions(labels, fraction, seed)
        return tuple(
            dataclasses.replace(self, kept=numbers[part].astype(np.int32))
            for part in parts
        )

    def first_classes(self, number):
        numbers = self._numbers(slice(0, self.num_examples))
        kept = numbers[numbers % len(CLASS_NAMES) < number]
        return dataclasses.replace(self, kept=kept)

    def _numbers(self, positions):
        if self.kept is not None:
            return self.kept[positions]
        if isinstance(positions, slice):
            return np.arange(positions.start, positions.stop, dtype=np.int32)
        return positions


def _num_images(text):
    if not (text.isascii() and text.isdecimal() and len(text) <= 10) or (
        not len(CLASS_NAMES) <= int(text) <= MAX_IMAGES
    ):
        raise UsageError(
            "--data shapes:SIZE:COUNT needs a number of training images from "
            f"{len(CLASS_NAMES)} to {MAX_IMAGES}. Received: {text!r}."
        )
    return int(text)


def _num_listed(name):
    return PER_CLASS[name] * len(CLASS_NAMES)


def _split(name, size):
    numbers = np.arange(_num_listed(name))
    return ListedSplit(
        _keys(name, numbers),
        numbers % len(CLASS_NAMES),
        read_key=functools.partial(_png, size=size),
    )


def _keys(name, numbers):
    return np.array([f"{name}/{number:05d}" for number in numbers.tolist()], bytes)


# As many as both splits hold; 8 kB each at 64 pixels. Drawn once a process.
@functools.lru_cache(maxsize=sum(PER_CLASS.values()) * len(CLASS_NAMES))
def _png(key: bytes, size: int) -> bytes:
    return _draw(key, size)


def _draw(key, size):
    split, _, number = key.decode().partition("/")
    image, _, _ = render(split, int(number), size)
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", compress_level=1)
    return file.getvalue()
