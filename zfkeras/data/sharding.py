"""The share of each of several processes in a split and in its batches.

A process reads and decodes its own share only.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.pipeline import training_chunks
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.split import Split


@dataclasses.dataclass(frozen=True, eq=False)
class Share(Split):
    """Every `count`-th example of a split, from number `index` (from 0)."""

    split: Split
    index: int
    count: int

    @property
    def num_examples(self):
        return len(range(self.index, self.split.num_examples, self.count))

    @property
    def targets(self):
        targets = self.split.targets
        return None if targets is None else targets[self.index :: self.count]

    def stream(self, shuffle_seed=None, start=0):
        dataset = self.split.stream(shuffle_seed).shard(self.count, self.index)
        return dataset.skip(start) if start else dataset

    def read(self, key):
        return self.split.read(key)

    def carve(self, fraction, seed=0):
        rest, part = self.split.carve(fraction, seed)
        return self._of(rest), self._of(part)

    def first_classes(self, number):
        return self._of(self.split.first_classes(number))

    def _of(self, split):
        return dataclasses.replace(self, split=split)


def shares_of_batches(
    split: Split,
    preprocessing: Preprocessing,
    batch_size: int,
    *,
    index: int,
    count: int,
    seed: int,
    epoch: int,
    start: int = 0,
    bad_images: BadImages,
) -> tf.data.Dataset:
    """Makes one process's share of each batch of `training_batches`, for one epoch.

    Like those, with "good": bool (share,). Each process has as many positions in a row,
    so that none must know what another has read: a bad image stays in its place as
    zeros. What does not fill the last batch is dropped; if it is the only one, zeros
    fill it.
    """
    share = batch_size // count
    left = max(split.num_examples - start, 0)
    full = left // batch_size
    single = start == 0 and full == 0
    taken = left if single else full * batch_size

    def is_own(position, example):
        return (position - start) % batch_size // share == index

    examples = split.stream(shuffle_seed=(seed, epoch), start=start).enumerate(start)
    own = examples.take(taken).filter(is_own)
    dataset = training_chunks(own, split, preprocessing, seed, epoch, bad_images)
    if single:
        number = share - min(max(taken - index * share, 0), share)
        filling = tf.data.Dataset.from_tensors(_filling(split, preprocessing, number))
        dataset = dataset.concatenate(filling)
    dataset = dataset.unbatch().batch(share, drop_remainder=True)
    return dataset.prefetch(tf.data.AUTOTUNE)


def _filling(split, preprocessing, number):
    """Makes a chunk of examples that do not count."""
    filling = {
        "image": np.zeros((number, *preprocessing.image_shape[:2], 3), np.uint8),
        "window": np.zeros((number, 6), np.float32),
        "label": np.zeros(number, np.int64),
        "position": np.full(number, -1, np.int64),
        "good": np.zeros(number, np.bool_),
    }
    if split.soft_labels is not None:
        classes = split.soft_labels.probabilities.shape[1]
        filling["soft_label"] = np.zeros((number, classes), np.float32)
    return filling
