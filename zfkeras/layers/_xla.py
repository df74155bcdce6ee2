"""Functions that XLA compiles, in memory that does not grow with the number of shapes.

It knows nothing of pooling or normalisation.
"""

import functools
from collections.abc import Callable

import tensorflow as tf

# XLA keeps what it compiled for a shape until the process ends, 1 to 5 MiB each, even
# if the function is deleted (TensorFlow 2.21).
MAX_SHAPES = 32

# Lengths to which an unknown batch is filled up, so that few shapes are compiled.
_BATCHES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)


class Compiled:
    """A function of tensors, compiled by XLA for the first shapes that it meets.

    Further shapes, and shapes of which more than the batch is unknown, run as plain
    TensorFlow operations: slower, in constant memory. Where a graph leaves the batch
    unknown, it is filled up with zeros to one of few lengths, and cut again.
    """

    def __init__(self, function: Callable):
        self._function = function
        # Without autograph, which would take longer than XLA does: no kernel asks a
        # tensor for the way.
        self._compiled = tf.function(function, jit_compile=True, autograph=False)
        # One for each rank: traced for any shape, it would not know the rank either.
        self._plain = functools.cache(
            lambda *ranks: tf.function(function, reduce_retracing=True, autograph=False)
        )
        self._shapes = set()

    def __call__(self, *arguments):
        tensors = [a for a in arguments if tf.is_tensor(a)]
        if any(not t.shape.rank or None in t.shape[1:] for t in tensors):
            return self._run_plain(arguments)
        key = tuple((a.dtype, *a.shape) if tf.is_tensor(a) else a for a in arguments)
        if key not in self._shapes:
            if len(self._shapes) >= MAX_SHAPES:
                return self._run_plain(arguments)
            self._shapes.add(key)
        if any(t.shape[0] is None for t in tensors):
            return self._filled_up(arguments)
        return self._compiled(*arguments)

    def _run_plain(self, arguments):
        """Runs without XLA; outside of a graph as one of unknown sizes."""
        if not tf.executing_eagerly():
            return self._function(*arguments)
        tensors = [*map(tf.convert_to_tensor, arguments)]
        return self._plain(*(tensor.shape.rank for tensor in tensors))(*tensors)

    def _filled_up(self, arguments):
        """Calls with a batch of one of few lengths; returns the part asked for."""
        batch = next(tf.shape(a)[0] for a in arguments if tf.is_tensor(a))
        rest = batch_length(batch) - batch
        filled = [
            # Other than padded ones, joined tensors keep what is known of their shape.
            tf.concat([a, tf.zeros([rest, *a.shape[1:]], a.dtype)], axis=0)
            if tf.is_tensor(a)
            else a
            for a in arguments
        ]
        return tf.nest.map_structure(lambda t: t[:batch], self._compiled(*filled))


def batch_length(batch):
    """Returns the smallest of the lengths that holds a batch."""
    largest = _BATCHES[-1]
    multiple = -(-batch // largest) * largest
    lengths = tf.constant(_BATCHES)
    return tf.reduce_min(tf.where(lengths >= batch, lengths, multiple))
