"""Turns, enlarges, shifts and covers a photograph, as the sliders of the page ask."""

import dataclasses
import math

import numpy as np
from PIL import Image

from zfkeras.errors import UsageError

#: Of the square that covers: its side over that of what the network sees.
SQUARE = 1 / 5
_RANGES = {
    "turn": (-180, 180),
    "zoom": (0.25, 4),
    "right": (-1, 1),
    "down": (-1, 1),
    "y": (0, 1),
    "x": (0, 1),
}


@dataclasses.dataclass(frozen=True)
class Change:
    """Says how to change a photograph; lengths are shares of the network's input."""

    turn: float = 0  # degrees against the clock
    zoom: float = 1
    right: float = 0
    down: float = 0
    y: float | None = None  # centre of the covering square; `None` means there is none
    x: float | None = None

    @classmethod
    def parse(cls, text: str) -> "Change":
        """Reads "turn=30;zoom=1.2"."""
        given = {}
        for part in text.split(";"):
            name, _, number = part.partition("=")
            low, high = _RANGES.get(name, (math.inf, -math.inf))
            try:
                given[name] = float(number)
            except ValueError:
                given[name] = math.nan
            if not low <= given[name] <= high:
                known = ", ".join(
                    f"{n} from {a} to {b}" for n, (a, b) in _RANGES.items()
                )
                raise UsageError(argument="change", received=part, expected=known)
        return cls(**given)

    def applied(
        self, whole: np.ndarray, seen: tuple[int, int], ground: np.ndarray
    ) -> np.ndarray:
        """Changes a picture, of which the network sees the centre.

        `whole`, `ground`: uint8 (height, width, 3); what comes in from outside, and
        what is covered, is `ground`. `seen`: (height, width) of the centre.
        """
        size = whole.shape[1::-1]
        place = self._place_below(size, seen)
        moved, inside = (
            picture.transform(
                size, Image.Transform.AFFINE, place, Image.Resampling.BILINEAR
            )
            for picture in (Image.fromarray(whole), Image.new("L", size, 255))
        )
        moved = np.array(Image.composite(moved, Image.fromarray(ground), inside))
        if self.y is not None and self.x is not None:
            box = tuple(
                slice(*_side(at, length, outer))
                for at, length, outer in zip(
                    (self.y, self.x), seen, moved.shape[:2], strict=True
                )
            )
            moved[box] = ground[box]
        return moved

    def _place_below(self, size, seen):
        """Where each pixel of the result comes from, as Pillow takes it."""
        x, y = size[0] / 2, size[1] / 2
        to_x, to_y = x + self.right * seen[1], y + self.down * seen[0]
        cosine = math.cos(math.radians(self.turn)) / self.zoom
        sine = math.sin(math.radians(self.turn)) / self.zoom
        return (
            *(cosine, -sine, x - cosine * to_x + sine * to_y),
            *(sine, cosine, y - sine * to_x - cosine * to_y),
        )


def _side(at, length, outer):
    """Begin and end of the square along one side of the whole picture."""
    side = max(1, round(SQUARE * length))
    begin = min(max(0, round(at * length - side / 2)), length - side)
    begin += (outer - length) // 2
    return begin, begin + side
