"""A split: labelled images that can be streamed, shuffled, resumed and carved.

It hands out encoded image files.
"""

import abc
import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import tensorflow as tf

from zfkeras.data.files.image_file import read_file
from zfkeras.data.orders import carved_positions, stream_rows


class Split(abc.ABC):
    """Labelled images, in an order that a seed fixes.

    Attributes:
        num_examples: how many images it holds.
        targets: int8 array (num_examples, num_classes) in the split's own order, for
            images that show several classes: 1 present, 0 neither right nor wrong
            (VOC's difficult objects), -1 absent. `None`: each image has its label.
    """

    num_examples: int
    targets: np.ndarray | None = None
    soft_labels = None  # `zfkeras.data.soft_labels.SoftLabels`, of `SoftLabelled` alone

    @abc.abstractmethod
    def stream(
        self, shuffle_seed: Sequence[int] | None = None, start: int = 0
    ) -> tf.data.Dataset:
        """Streams the examples once, in source order or in an order fixed by the seed.

        Each is {"key": string for `read`; "label": int64, the first of several, -1 if
        there is none; "id": string}. The first `start` are left out, not decoded.
        """

    @abc.abstractmethod
    def read(self, key: bytes) -> bytes:
        """Returns the encoded image file (JPEG, PNG, ...) behind `key`."""

    def carve(self, fraction: float, seed: int = 0) -> tuple["Split", "Split"]:
        """Cuts into disjoint splits: the rest, and about `fraction` of each class."""
        raise NotImplementedError(f"carve before it becomes a {type(self).__name__}")

    def first_classes(self, number: int) -> "Split":
        """Keeps the examples whose label is below `number`."""
        raise NotImplementedError(f"choose before it becomes a {type(self).__name__}")

    def stream_ids(self) -> tf.data.Dataset:
        """Streams the ids alone, in the split's own order."""
        return self.stream().map(lambda row: row["id"])

    def without(self, ids: Iterable[bytes]) -> "Split":
        """Leaves out the examples that are called by one of `ids`."""
        return _Without(self, frozenset(ids))

    def own_ids(self, ids: Iterable[bytes]) -> frozenset[bytes]:
        """Finds the names of these examples by which `without` is quickest."""
        return frozenset(ids)

    def stretch(self, first: int, end: int) -> "Split":
        """Keeps examples `first` to `end` of the source's order, to be streamed."""
        return _Stretch(self, first, min(end, self.num_examples))


@dataclasses.dataclass(frozen=True, eq=False)
class ListedSplit(Split):
    """A split of known keys: bytes keys (n,), int64 labels (n,), bytes ids (n,)."""

    keys: np.ndarray
    labels: np.ndarray
    ids: np.ndarray | None = None
    read_key: Callable[[bytes], bytes] = read_file
    targets: np.ndarray | None = None

    @property
    def num_examples(self):
        return len(self.keys)

    @property
    def names(self) -> np.ndarray:
        """The ids, or the keys where there are none: bytes (n,)."""
        return self.keys if self.ids is None else self.ids

    def stream(self, shuffle_seed=None, start=0):
        def rows(positions):
            keys, names = self.keys[positions], self.names[positions]
            return keys, self.labels[positions], names

        return stream_rows(self.num_examples, rows, shuffle_seed, start)

    def read(self, key):
        return self.read_key(key)

    def carve(self, fraction, seed=0):
        rest, carved = carved_positions(self.labels, fraction, seed)
        return self.at(rest), self.at(carved)

    def first_classes(self, number):
        if self.targets is None:
            return self.at(np.flatnonzero(self.labels < number))
        targets = self.targets[:, :number]
        return dataclasses.replace(self, labels=first_present(targets), targets=targets)

    def without(self, ids):
        unwanted = np.array([*ids], dtype=bytes)
        return self.at(np.flatnonzero(~np.isin(self.names, unwanted)))

    def at(self, positions: np.ndarray) -> "ListedSplit":
        """Keeps the examples at these positions, an int array (n,), in that order."""
        return dataclasses.replace(
            self,
            keys=self.keys[positions],
            labels=self.labels[positions],
            ids=None if self.ids is None else self.ids[positions],
            targets=None if self.targets is None else self.targets[positions],
        )


@dataclasses.dataclass(frozen=True, eq=False)
class _Without(Split):
    """Any split, less some examples; to count them, it streams the ids once."""

    split: Split
    ids: frozenset[bytes]

    @property
    def num_examples(self):
        return int(self._is_kept.sum())

    @functools.cached_property
    def targets(self):
        targets = self.split.targets
        return None if targets is None else targets[self._is_kept]

    @functools.cached_property
    def _is_kept(self):
        batches = self.split.stream_ids().batch(1024).as_numpy_iterator()
        return np.array([id not in self.ids for ids in batches for id in ids], bool)

    def stream(self, shuffle_seed=None, start=0):
        dataset = self.split.stream(shuffle_seed)
        if self.ids:
            ids = tf.constant(sorted(self.ids))
            dataset = dataset.filter(lambda row: tf.reduce_all(row["id"] != ids))
        return dataset.skip(start) if start else dataset

    def read(self, key):
        return self.split.read(key)

    def carve(self, fraction, seed=0):
        rest, carved = self.split.carve(fraction, seed)
        return rest.without(self.ids), carved.without(self.ids)

    def first_classes(self, number):
        return self.split.first_classes(number).without(self.ids)


@dataclasses.dataclass(frozen=True, eq=False)
class _Stretch(Split):
    """The examples `first` to `end` of a split's own order."""

    split: Split
    first: int
    end: int

    @property
    def num_examples(self):
        return max(self.end - self.first, 0)

    @property
    def targets(self):
        targets = self.split.targets
        return None if targets is None else targets[self.first : self.end]

    def stream(self, shuffle_seed=None, start=0):
        if shuffle_seed is not None:
            raise NotImplementedError("a stretch is streamed in the source's order")
        dataset = self.split.stream(start=self.first + start)
        return dataset.take(max(self.num_examples - start, 0))

    def read(self, key):
        return self.split.read(key)


def first_present(targets: np.ndarray) -> np.ndarray:
    """Finds the first class of each image, or -1: int8 (n, classes) -> int64 (n,)."""
    present = targets == 1
    return np.where(present.any(axis=1), present.argmax(axis=1), -1)
