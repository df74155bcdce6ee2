"""Dropout of several replicas that drops what one replica would drop.

Replicas hold the same random generators, so each would drop the same units of its
images as the others of theirs. It is of no use outside a training step.
"""

import functools

import keras
import tensorflow as tf


def share_masks(model: keras.Model, strategy: tf.distribute.Strategy) -> None:
    """Has each replica draw the masks of the whole batch and take its own rows.

    So a batch loses the same units however many replicas share it; under XLA others
    than without. The numbers drawn are few beside all else a step computes: 8,192 an
    image at paper scale.
    """
    if strategy.num_replicas_in_sync == 1:
        return
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout) and layer.rate > 0:
            layer.call = functools.partial(_drop, layer)


def _drop(layer, inputs, training=False):
    context = tf.distribute.get_replica_context()
    if not training or context is None:
        return inputs
    size = tf.shape(inputs)[0]
    whole = tf.concat(
        [[size * context.num_replicas_in_sync], tf.shape(inputs)[1:]], axis=0
    )
    mask = keras.random.dropout(
        tf.ones(whole, inputs.dtype), layer.rate, seed=layer.seed_generator
    )
    first = size * tf.cast(context.replica_id_in_sync_group, size.dtype)
    return inputs * mask[first : first + size]
