"""Fully connected layers: the matrix, transposed."""

import keras
import tensorflow as tf

from visualize.rules.registry import POINTWISE, Rule, register_rule


@register_rule(keras.layers.Dense)
class Dense(Rule):
    """Multiplies by the transposed kernel, without the bias."""

    has_activation = True

    def axes(self, call):
        return POINTWISE

    def forward(self, call, x):
        layer = call.layer
        dtype = layer.compute_dtype
        y = keras.ops.matmul(tf.cast(x, dtype), tf.cast(layer.kernel, dtype))
        return (y if layer.bias is None else y + tf.cast(layer.bias, dtype)), None

    def backward(self, call, signal, memory):
        kernel = tf.cast(call.layer.kernel, signal.dtype)
        if len(signal.shape) == 2:
            return tf.matmul(signal, kernel, transpose_b=True)
        return tf.tensordot(signal, kernel, [[-1], [1]])
