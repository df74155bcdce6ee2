"""Fully connected layers: the matrix, transposed."""

import keras
from keras import ops

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
        kernel = ops.take(call.layer.kernel, channels, axis=-1)
        bias = call.layer.bias
        bias = None if bias is None else ops.take(bias, channels, axis=0)
        return _multiplied(call, x, kernel, bias), None

    def backward(self, call, signal, memory):
        kernel = ops.cast(call.layer.kernel, signal.dtype)
        if len(signal.shape) == 2:
            return ops.matmul(signal, ops.transpose(kernel))
        return ops.tensordot(signal, kernel, [[-1], [1]])


def _multiplied(call, x, kernel, bias):
    dtype = call.layer.compute_dtype
    y = keras.ops.matmul(ops.cast(x, dtype), ops.cast(kernel, dtype))
    return y if bias is None else y + ops.cast(bias, dtype)
