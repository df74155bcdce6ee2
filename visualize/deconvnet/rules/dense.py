"""Fully connected layers: the matrix, transposed."""

import keras
import tensorflow as tf

from visualize.deconvnet.rules.registry import register_rule
from visualize.deconvnet.rules.rule import Rule


@register_rule(keras.layers.Dense)
class Dense(Rule):
    """Multiplies by the transposed kernel, without the bias."""

    has_activation = True

    def forward(self, call, x):
        return _multiplied(call, x, call.layer.kernel, call.layer.bias), None

    def can_narrow(self, call, each):
        return not each

    def forward_channels(self, call, channels, x):
        kernel = tf.gather(call.layer.kernel, channels, axis=-1)
        bias = call.layer.bias
        bias = None if bias is None else tf.gather(bias, channels)
        return _multiplied(call, x, kernel, bias), None

    def backward(self, call, signal, memory):
        kernel = tf.cast(call.layer.kernel, signal.dtype)
        if len(signal.shape) == 2:
            return tf.matmul(signal, kernel, transpose_b=True)
        return tf.tensordot(signal, kernel, [[-1], [1]])


def _multiplied(call, x, kernel, bias):
    dtype = call.layer.compute_dtype
    y = keras.ops.matmul(tf.cast(x, dtype), tf.cast(kernel, dtype))
    return y if bias is None else y + tf.cast(bias, dtype)
