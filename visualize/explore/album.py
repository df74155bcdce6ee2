"""The photographs at hand: those of the data, those that were dropped, and changes."""

import dataclasses
import functools
import hashlib
import io
import threading
from collections import OrderedDict

import numpy as np
from PIL import Image

from visualize.explore.changes import Change
from visualize.images.photographs import enlarged_square
from visualize.images.sample import examples_at
from zfkeras.data.crops import centre_crop
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
    enlarged: np.ndarray  # the same for people, a multiple of its size

    def changed(self, change: Change, preprocessing: Preprocessing) -> "Photograph":
        """Changes both; what comes in from outside is the mean image, or its grey."""
        height, width, _ = preprocessing.input_shape
        mean = np.rint(preprocessing.to_rgb(preprocessing.mean_image))
        mean = np.ascontiguousarray(mean.astype(np.uint8))
        times = self.enlarged.shape[0] // self.square.shape[0]
        grey = np.full_like(self.enlarged, mean.mean(axis=(0, 1)).round())
        return dataclasses.replace(
            self,
            square=change.applied(self.square, (height, width), mean),
            enlarged=change.applied(
                self.enlarged, (times * height, times * width), grey
            ),
        )

    def seen(self, preprocessing: Preprocessing) -> np.ndarray:
        """Cuts what the network sees out of the enlarged picture."""
        times = self.enlarged.shape[0] // self.square.shape[0]
        height, width, _ = preprocessing.input_shape
        return centre_crop(self.enlarged, (times * height, times * width))


class Album:
    """Finds photographs by their keys.

    "17" is of the data, "p1f0c..." was dropped, "17;turn=30;zoom=1.2" is changed.
    """

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
        key, _, change = key.partition(";")
        if change:
            found = self.find(key)
            return found.changed(Change.parse(change), self._preprocessing)
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

    def picture(self, key: str, whole: bool = False) -> bytes:
        """Returns a photograph as a JPEG file: what the network sees, or the whole."""
        found = self.find(key)
        pixels = found.enlarged if whole else found.seen(self._preprocessing)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=90, subsampling=0)
        return file.getvalue()

    def _read(self, place):
        (row,) = examples_at(self._split.stretch(place, place + 1), [0]).values()
        class_name = self._class_name(row["label"])
        return self._decoded(self._split.read(row["key"]), row["id"], class_name)

    def _decoded(self, encoded, name, class_name):
        square = self._preprocessing.square(encoded)
        enlarged = enlarged_square(encoded, self._preprocessing)
        return Photograph(name, class_name, square, enlarged)

    def _class_name(self, label):
        return self._class_names[label] if label >= 0 else None
