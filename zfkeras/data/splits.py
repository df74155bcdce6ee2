"""A split: labelled images that can be streamed, shuffled, resumed and carved.

It knows nothing of decoding; it hands out encoded image files.
"""

import abc
import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf


class Split(abc.ABC):
    """Labelled images, in an order that a seed fixes.

    Attributes:
        num_examples: how many images it holds.
    """

    num_examples: int

    @abc.abstractmethod
    def stream(
        self, shuffle_seed: Sequence[int] | None = None, start: int = 0
    ) -> tf.data.Dataset:
        """Streams the examples once.

        Args:
            shuffle_seed: whole numbers, such as (seed, epoch), that fix a random order.
                `None` (default) means the order of the source.
            start: how many examples of that order to leave out, without decoding them.

        Returns:
            A dataset of {"key": string, what `read` takes; "label": int64;
            "id": string, the name by which people know the image}.
        """

    @abc.abstractmethod
    def read(self, key: bytes) -> bytes:
        """Returns the encoded image file (JPEG, PNG, ...) behind `key`.

        Raises:
            OSError: it cannot be read.
        """

    @abc.abstractmethod
    def carve(self, fraction: float, seed: int = 0) -> tuple["Split", "Split"]:
        """Cuts into two disjoint splits: the rest, and about `fraction` of each class.

        Args:
            fraction: from 0 to 1.
            seed: fixes which images are carved out.
        """

    @abc.abstractmethod
    def first_classes(self, number: int) -> "Split":
        """Keeps the examples whose label is below `number`."""


def read_file(key: bytes) -> bytes:
    """Reads a file whose path is `key`."""
    with open(key, "rb") as file:
        return file.read()


@dataclasses.dataclass(frozen=True, eq=False)
class ListedSplit(Split):
    """A split whose images are all known by key beforehand: files, archive members.

    Args:
        keys: bytes array (num_examples,), what `read_key` takes.
        labels: int64 array (num_examples,), from 0.
        ids: bytes array (num_examples,). `None` (default) means the keys.
        read_key: returns the encoded image file behind a key. The default reads the
            file whose path the key is.
    """

    keys: np.ndarray
    labels: np.ndarray
    ids: np.ndarray | None = None
    read_key: Callable[[bytes], bytes] = read_file

    @property
    def num_examples(self):
        return len(self.keys)

    def stream(self, shuffle_seed=None, start=0):
        order = np.arange(self.num_examples)
        if shuffle_seed is not None:
            order = np.random.default_rng(list(shuffle_seed)).permutation(order)
        order = order[start:]
        ids = self.keys if self.ids is None else self.ids
        return tf.data.Dataset.from_tensor_slices(
            {
                "key": self.keys[order],
                "label": self.labels[order].astype(np.int64),
                "id": ids[order],
            }
        )

    def read(self, key):
        return self.read_key(key)

    def carve(self, fraction, seed=0):
        random = np.random.default_rng([seed, 1])
        shuffled = random.permutation(self.num_examples)
        by_class = shuffled[np.argsort(self.labels[shuffled], kind="stable")]
        labels = self.labels[by_class]
        _, first, counts = np.unique(labels, return_index=True, return_counts=True)
        rank = np.arange(len(labels)) - np.repeat(first, counts)
        carved = rank < np.round(fraction * np.repeat(counts, counts))
        return self._at(by_class[~carved]), self._at(by_class[carved])

    def first_classes(self, number):
        return self._at(np.flatnonzero(self.labels < number))

    def _at(self, positions):
        positions = np.sort(positions)
        ids = None if self.ids is None else self.ids[positions]
        return dataclasses.replace(
            self, keys=self.keys[positions], labels=self.labels[positions], ids=ids
        )
