"""A split of a set that TensorFlow Datasets has prepared.

It streams the encoded files as TFDS keeps them and decodes nothing; tfds.py opens it.
"""

import dataclasses
import functools
import itertools
import re

import numpy as np
import tensorflow as tf

from zfkeras.data.split import Split
from zfkeras.errors import UsageError

# Encoded files in the shuffle buffer: about 1.1 GB for ImageNet's 110 kB an image.
SHUFFLE_BUFFER = 10_000
# Fixed numbers, because TFDS leaves the order open to the machine otherwise.
SHARDS_AT_ONCE, BLOCK = 16, 16
# The features by which sets name their image files, where they do.
FILE_NAMES = ("file_name", "image/file_name", "image/filename")
# Of Caltech-101's files each class has an image_0001.jpg.
NAMED_BY_CLASS = ("image/file_name",)


@dataclasses.dataclass(frozen=True, eq=False)
class TfdsSplit(Split):
    """Ranges of a split of TFDS; its keys are the encoded files themselves.

    `left_out` holds TFDS's own names of examples, which say where they stand.
    """

    builder: object
    name: str
    stretches: tuple[tuple[int, int], ...]
    labels_below: int | None = None
    left_out: frozenset[bytes] = frozenset()

    @functools.cached_property
    def num_examples(self):
        if self.labels_below is None:
            places = [self._position(id) for id in self.left_out]
            return self._num_stored - sum(map(self._holds, places))
        return int(self.stream_ids().reduce(np.int64(0), lambda count, _: count + 1))

    @property
    def _num_stored(self):
        return sum(end - first for first, end in self.stretches)

    def stream(self, shuffle_seed=None, start=0):
        random = None
        if shuffle_seed is not None:
            random = np.random.default_rng(list(shuffle_seed))
        dataset = self._examples(random)
        if random is not None:
            dataset = _shuffled(dataset, min(SHUFFLE_BUFFER, self._num_stored), random)
        return dataset.skip(start) if start else dataset

    def stream_ids(self):
        # TFDS still reads each record, but takes no image out of it.
        return self._examples(None, ()).map(lambda row: row["id"])

    def read(self, key):
        return key

    def carve(self, fraction, seed=0):
        """Cuts out one stretch: `seed` 0 the last (`train[99%:]`), 1 the one before."""
        if self.builder.info.disable_shuffling:
            raise UsageError(
                f"tfds:{self.builder.name} is kept in order: no part of it is a fair "
                f"sample; name one of its splits {sorted(self.builder.info.splits)}."
            )
        size = round(fraction * self._num_stored)
        places = self._num_stored // size if size else 1
        end = self._num_stored - seed % places * size
        first = end - size
        rest = self._stretches(0, first) + self._stretches(end, self._num_stored)
        carved = self._stretches(first, end)
        return (
            dataclasses.replace(self, stretches=rest),
            dataclasses.replace(self, stretches=carved),
        )

    def first_classes(self, number):
        below = number if self.labels_below is None else min(number, self.labels_below)
        return dataclasses.replace(self, labels_below=below)

    def without(self, ids):
        left_out = self.left_out | self.own_ids(ids)
        return dataclasses.replace(self, left_out=left_out)

    def own_ids(self, ids):
        ids = frozenset(ids)
        own = frozenset(id for id in ids if self._position(id) >= 0)
        name = self._file_name
        if ids == own or not name:
            return own
        # One look through the set, as nothing else tells where a file name stands.
        pairs = self._stored((*self._label_features, name)).map(
            lambda example: (self._id(example, name), example["tfds_id"])
        )
        return own.union(
            tfds_id
            for batch in pairs.batch(1024).as_numpy_iterator()
            for id, tfds_id in zip(*batch, strict=True)
            if id in ids
        )

    def _position(self, tfds_id):
        """Reads where TFDS's split holds an example; -1 if it has none of that name."""
        found = re.fullmatch(rb"(.+)__(0|[1-9][0-9]*)", tfds_id, re.DOTALL)
        shard, index = (found[1], int(found[2])) if found else (b"", 0)
        first, length = self._shards.get(shard, (0, 0))
        return first + index if index < length else -1

    @functools.cached_property
    def _shards(self):
        """Maps the name of each file to its first position and its length."""
        files = self.builder.info.splits[self.name].file_instructions
        firsts = itertools.accumulate((file.take for file in files), initial=0)
        return {
            file.basename().encode(): (first, file.take)
            for first, file in zip(firsts, files, strict=False)
        }

    def _holds(self, position):
        return any(low <= position < high for low, high in self.stretches)

    def stretch(self, first, end):
        # Places count only what is kept.
        if self.labels_below is not None or self.left_out:
            return super().stretch(first, end)
        return dataclasses.replace(self, stretches=self._stretches(first, end))

    def _stretches(self, first, end):
        """Returns positions `first` to `end` of this split in those of TFDS's split."""
        found, passed = [], 0
        for low, high in self.stretches:
            begin = low + max(first - passed, 0)
            stop = min(high, low + end - passed)
            if begin < stop:
                found.append((begin, stop))
            passed += high - low
        return tuple(found)

    def _examples(self, random, image=("image",)):
        name = self._file_name
        features = (*image, *self._label_features, *([name] if name else []))
        dataset = self._stored(features, random)
        if self.labels_below is not None:
            dataset = dataset.filter(lambda row: row["label"] < self.labels_below)

        def row(example):
            known = {"label": self._label(example), "id": self._id(example, name)}
            return known | ({"key": example["image"]} if image else {})

        return dataset.map(row, num_parallel_calls=tf.data.AUTOTUNE)

    @property
    def _file_name(self):
        return next((n for n in FILE_NAMES if n in self.builder.info.features), None)

    def _id(self, example, name):
        if name not in NAMED_BY_CLASS or "label" not in example:
            return example[name or "tfds_id"]
        class_name = tf.constant(self.builder.info.features["label"].names)
        return class_name[example["label"]] + "/" + example[name]

    @property
    def _label_features(self):
        return ("label",)

    def _label(self, example):
        return tf.cast(example["label"], tf.int64)

    def _stored(self, features, random=None):
        """Streams these features and `tfds_id` of the examples it holds, undecoded."""
        import tensorflow_datasets as tfds

        options = tf.data.Options()
        options.deterministic = True
        config = tfds.ReadConfig(
            options=options,
            try_autocache=False,
            add_tfds_id=True,
            interleave_cycle_length=1 if random is None else SHARDS_AT_ONCE,
            interleave_block_length=BLOCK,
            # Rather than shuffle_files, whose order hangs on TensorFlow's global seed.
            experimental_interleave_sort_fn=_permutation(random),
            # It forbids to shuffle the sets that were written in order.
            enable_ordering_guard=False,
            skip_prefetch=True,
        )
        decoders = {"image": tfds.decode.SkipDecoding()} if "image" in features else {}
        dataset = self.builder.as_dataset(
            split=self._instruction(),
            read_config=config,
            decoders=tfds.decode.PartialDecoding(
                dict.fromkeys(features, True), decoders=decoders
            ),
        )
        if self.left_out:
            names = tf.constant(sorted(self.left_out))
            dataset = dataset.filter(lambda row: tf.reduce_all(row["tfds_id"] != names))
        return dataset if self._num_stored else dataset.take(0)

    def _instruction(self):
        import tensorflow_datasets as tfds

        if not self._num_stored:  # TFDS reads no empty slice; the caller takes nothing
            return tfds.core.ReadInstruction(self.name)
        first, *others = (
            tfds.core.ReadInstruction(self.name, from_=low, to=high, unit="abs")
            for low, high in self.stretches
        )
        return sum(others, start=first)


@dataclasses.dataclass(frozen=True, eq=False)
class TfdsMultiLabelSplit(TfdsSplit):
    """A split of images with several classes each: the feature "labels"."""

    num_classes: int | None = None

    @functools.cached_property
    def targets(self):
        dataset = self._stored(self._label_features).map(self._target)
        batches = [*dataset.batch(1024).as_numpy_iterator()]
        return np.concatenate([np.empty((0, self._depth), np.int8), *batches])

    def first_classes(self, number):
        return dataclasses.replace(self, num_classes=min(number, self._depth))

    @property
    def _depth(self):
        known = self.builder.info.features["labels"].feature.num_classes
        return known if self.num_classes is None else self.num_classes

    @property
    def _label_features(self):
        names = ("labels", "labels_no_difficult")
        return tuple(name for name in names if name in self.builder.info.features)

    def _label(self, example):
        present = self._target(example) == 1
        first = tf.argmax(present, output_type=tf.int64)
        return tf.where(tf.reduce_any(present), first, tf.constant(-1, tf.int64))

    def _target(self, example):
        present, labelled = (
            tf.reduce_any(tf.one_hot(example[name], self._depth, True, False), axis=0)
            for name in (self._label_features[-1], "labels")
        )
        return tf.cast(present, tf.int8) + tf.cast(labelled, tf.int8) - 1


def _permutation(random):
    if random is None:
        return None
    return lambda shards: [shards[i] for i in random.permutation(len(shards))]


def _shuffled(dataset, buffer_size, random):
    """Shuffles through a buffer, seeded by `random`."""
    seed, seed2 = (int(word) for word in random.integers(1, 2**31, size=2))
    spec = dataset.element_spec
    variant = tf.raw_ops.ShuffleDataset(
        input_dataset=tf.data.experimental.to_variant(dataset),
        buffer_size=max(buffer_size, 1),
        seed=seed,
        seed2=seed2,
        reshuffle_each_iteration=False,
        output_types=[part.dtype for part in tf.nest.flatten(spec)],
        output_shapes=[part.shape for part in tf.nest.flatten(spec)],
    )
    return tf.data.experimental.from_variant(variant, spec)
