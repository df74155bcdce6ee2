"""The photographs at hand: those of the data, and those that were dropped."""

import dataclasses
import functools
import hashlib
import io
import threading
from collections import OrderedDict

import numpy as np
from PIL import Image

from visualize.images.photographs import view_of
from visualize.images.sample import examples_at
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.register import Source
from zfkeras.data.split import Split
from zfkeras.errors import UsageError

_KEPT = 64  # dropped photographs, the last ones
_AT_HAND = 32  # photographs of the data that stay decoded


@dataclasses.dataclass(frozen=True, eq=False)
class Photograph:
    """One photograph: for the network, and for people."""

    name: str
    class_name: str | None  # its true class, where it is known
    square: np.ndarray  # uint8 array (image height, image width, 3)
    view: np.ndarray  # uint8 array (height, width, 3), larger than what it reads

    @functools.cached_property
    def jpeg(self) -> bytes:
        """The view as a JPEG file."""
        file = io.BytesIO()
        Image.fromarray(self.view).save(file, "JPEG", quality=90, subsampling=0)
        return file.getvalue()


class Album:
    """Finds photographs by their keys: "17" of the data, "p1f0c..." of dropped ones."""

    def __init__(self, source: Source, split: Split, preprocessing: Preprocessing):
        self._split = split
        self._class_names = source.class_names
        self._preprocessing = preprocessing
        self._dropped: OrderedDict[str, Photograph] = OrderedDict()
        self._lock = threading.Lock()  # requests run in threads
        self._of_data = functools.lru_cache(_AT_HAND)(self._read)

    @property
    def size(self) -> int:
        """How many photographs the data have."""
        return self._split.num_examples

    def page(self, first: int, count: int) -> list[dict]:
        """Lists photographs of the data: key, name and class."""
        end = min(first + count, self.size)
        part = self._split.stretch(first, end)
        examples = examples_at(part, range(max(0, end - first)))
        return [
            {
                "photo": str(first + place),
                "name": row["id"],
                "class_name": self._class_name(row["label"]),
            }
            for place, row in sorted(examples.items())
        ]

    def add(self, encoded: bytes, name: str) -> str:
        """Keeps a dropped image file; returns its key. Raises `BadImage`."""
        key = f"p{hashlib.sha256(encoded).hexdigest()[:16]}"
        photograph = self._decoded(encoded, name, None)
        with self._lock:
            self._dropped[key] = photograph
            while len(self._dropped) > _KEPT:
                self._dropped.popitem(last=False)
        return key

    def find(self, key: str) -> Photograph:
        """Returns a photograph; raises `UsageError` if there is none of that key."""
        with self._lock:
            if key in self._dropped:
                self._dropped.move_to_end(key)
                return self._dropped[key]
        if key.isdecimal() and int(key) < self.size:
            return self._of_data(int(key))
        raise UsageError(
            "this photograph is not here any more: drop it again, or choose another."
            if key.startswith("p")
            else f"there is no photograph {key!r}; there are {self.size}, from 0."
        )

    def _read(self, place):
        (row,) = examples_at(self._split.stretch(place, place + 1), [0]).values()
        class_name = self._class_name(row["label"])
        return self._decoded(self._split.read(row["key"]), row["id"], class_name)

    def _decoded(self, encoded, name, class_name):
        square = self._preprocessing.square(encoded)
        view = view_of(encoded, self._preprocessing)
        return Photograph(name, class_name, square, view)

    def _class_name(self, label):
        return self._class_names[label] if label >= 0 else None
