"""Insertion and deletion: whether the marked pixels are those that a unit needs.

Petsiuk et al. (2018), for any unit. The mean image, which the network reads as 0, takes
the place of what is deleted.
"""

import functools

import keras
import numpy as np
import tensorflow as tf

from visualize.figures.batches import run_in_batches
from zfkeras.graph.layer_outputs import as_maps

FRACTIONS = np.linspace(0, 1, 11, dtype=np.float32)  # of the pixels that a unit sees


class PixelTest:
    """Measures units of a layer while pixels are deleted or inserted in some order."""

    def __init__(self, model: keras.Model, tensor: keras.KerasTensor):
        self._network = keras.Model(model.inputs[0], tensor)
        height, width, depth = model.inputs[0].shape[1:]
        signature = [
            tf.TensorSpec((None, height, width, depth)),
            tf.TensorSpec((None, 3), tf.int32),
            tf.TensorSpec((None, None, height, width)),
            tf.TensorSpec((None,), tf.bool),
            *[tf.TensorSpec((None,), tf.int32)] * 2,
            tf.TensorSpec((None,)),
        ]
        compiled = tf.function(self._activations, signature, autograph=False)
        self._compiled = compiled.get_concrete_function()

    def curves(
        self,
        inputs: np.ndarray,
        which: np.ndarray,
        units: np.ndarray,
        order: np.ndarray,
        batch_size: int = 64,
    ) -> np.ndarray:
        """Returns activations as shares of that of the whole image.

        inputs: float array (m, height, width, channels); which: int array (n,), the
        input of each unit; units: int array (n, 3), each (y, x, channel); order: float
        array (n, orders, height, width) of `order_of`. Returns float64 array (2, n,
        orders, fractions): deletion, insertion.
        """
        number, orders = order.shape[:2]
        shape = 2, number, orders, len(FRACTIONS)
        inserts, unit, one, step = (
            axis.ravel() for axis in np.indices(shape, np.int32)
        )
        rows = [inserts.astype(bool), unit, one, FRACTIONS[step]]
        given = inputs[which], units.astype(np.int32), order.astype(np.float32)
        function = functools.partial(self._compiled, *map(tf.constant, given))
        (found,) = run_in_batches(function, rows, batch_size, unit="images")
        found = found.reshape(shape).astype(np.float64)
        return found / found[:1, :, :, :1]

    def _activations(self, inputs, units, order, inserts, unit, one, fraction):
        ranks = tf.gather_nd(order, tf.stack([unit, one], axis=1))
        is_first = ranks < fraction[:, None, None]
        # What the unit does not see stays as it is: its rank is NaN.
        is_kept = (is_first == inserts[:, None, None]) | tf.math.is_nan(ranks)
        images = tf.where(is_kept[..., None], tf.gather(inputs, unit), 0)
        maps = as_maps(tf.cast(self._network(images, training=False), tf.float32))
        return (tf.gather_nd(maps, tf.gather(units, unit), batch_dims=1),)


def order_of(importance: np.ndarray, is_seen: np.ndarray, random) -> np.ndarray:
    """Orders the pixels that a unit sees: 0 for the most important, below 1 for all.

    importance: float array (n, height, width); is_seen: bool array of that shape.
    Equals stand in random order. Returns float32 array, NaN where nothing is seen.
    """
    values = np.where(is_seen, importance, -np.inf).reshape(len(importance), -1)
    mixed = random.permutation(values.shape[1])
    ranks = np.empty(values.shape, np.float32)
    places = mixed[np.argsort(-values[:, mixed], axis=1, kind="stable")]
    counts = is_seen.reshape(len(values), -1).sum(axis=1, keepdims=True)
    shares = np.arange(values.shape[1]) / np.maximum(counts, 1)
    np.put_along_axis(ranks, places, shares.astype(np.float32), axis=1)
    return np.where(is_seen, ranks.reshape(importance.shape), np.nan).astype(np.float32)


def areas(curves: np.ndarray) -> np.ndarray:
    """Returns the area under each curve (..., fractions), over a width of 1."""
    return np.trapezoid(curves, FRACTIONS, axis=-1)
