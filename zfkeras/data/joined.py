"""Joins the splits of a source, for protocols that divide the images themselves."""

import functools
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from zfkeras.data.split import ListedSplit, Split


def join(splits: Sequence[Split]) -> Split:
    """Concatenates the splits of a source."""
    if len(splits) == 1:
        return splits[0]
    joined = _Joined(tuple(splits))
    if all(isinstance(split, ListedSplit) for split in splits):
        return ListedSplit(
            keys=np.concatenate(
                [
                    np.char.add(joined.mark(number), split.keys)
                    for number, split in enumerate(splits)
                ]
            ),
            labels=np.concatenate([split.labels for split in splits]),
            ids=np.concatenate([split.names for split in splits]),
            read_key=joined.read,
            targets=joined.targets,
        )
    return joined


class _Joined(Split):
    """Concatenated splits; a key is "number of the split:its key"."""

    def __init__(self, splits: tuple[Split, ...]):
        self.splits = splits

    @staticmethod
    def mark(number: int) -> bytes:
        """Returns the prefix of the keys of a split."""
        return b"%d:" % number

    @functools.cached_property
    def num_examples(self):
        return sum(split.num_examples for split in self.splits)

    @functools.cached_property
    def targets(self):
        parts = [split.targets for split in self.splits]
        return None if any(part is None for part in parts) else np.concatenate(parts)

    def stream(self, shuffle_seed=None, start=0):
        streams = [
            self._marked(split.stream(shuffle_seed), self.mark(number))
            for number, split in enumerate(self.splits)
        ]
        counts = [split.num_examples for split in self.splits]
        turns = np.repeat(np.arange(len(counts)), counts)
        if shuffle_seed is not None:
            turns = np.random.default_rng([*shuffle_seed, 2]).permutation(turns)
        choice = tf.data.Dataset.from_tensor_slices(turns.astype(np.int64))
        dataset = tf.data.Dataset.choose_from_datasets(
            streams, choice, stop_on_empty_dataset=False
        )
        return dataset.skip(start) if start else dataset

    def read(self, key):
        number, _, rest = key.partition(b":")
        return self.splits[int(number)].read(rest)

    def carve(self, fraction, seed=0):
        pairs = [split.carve(fraction, seed) for split in self.splits]
        return tuple(join(parts) for parts in zip(*pairs, strict=True))

    def first_classes(self, number):
        return join([split.first_classes(number) for split in self.splits])

    @staticmethod
    def _marked(dataset, mark):
        return dataset.map(lambda row: {**row, "key": mark + row["key"]})
