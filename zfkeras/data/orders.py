"""The order of a split's examples, and which of them are carved out, as numbers."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

_BLOCK = 1024  # names that are made at once


def stream_rows(
    num_examples: int,
    rows: Callable,
    shuffle_seed: Sequence[int] | None = None,
    start: int = 0,
) -> tf.data.Dataset:
    """Streams examples whose keys and names are made only when they are needed."""
    order = None
    if shuffle_seed is not None:
        order = np.arange(num_examples, dtype=np.int32)
        np.random.default_rng(list(shuffle_seed)).shuffle(order)

    def block(first):
        positions = slice(first, min(first + _BLOCK, num_examples))
        keys, labels, ids = rows(positions if order is None else order[positions])
        return keys, np.asarray(labels, np.int64), ids

    def read(first):
        found = tf.numpy_function(block, [first], [tf.string, tf.int64, tf.string])
        for column in found:
            column.set_shape((None,))
        return dict(zip(("key", "label", "id"), found, strict=True))

    dataset = tf.data.Dataset.range(start, num_examples, _BLOCK).map(read).unbatch()
    count = max(num_examples - start, 0)
    return dataset.apply(tf.data.experimental.assert_cardinality(count))


def carved_positions(
    labels: np.ndarray, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draws `fraction` of each class: labels (n,) -> positions of rest and drawn."""
    shuffled = np.random.default_rng([seed, 1]).permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    _, first, counts = np.unique(
        labels[by_class], return_index=True, return_counts=True
    )
    rank = np.arange(len(labels)) - np.repeat(first, counts)
    carved = rank < np.round(fraction * np.repeat(counts, counts))
    return np.sort(by_class[~carved]), np.sort(by_class[carved])
