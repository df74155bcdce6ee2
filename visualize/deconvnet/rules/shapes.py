"""Layers that only move values: they are moved back."""

import keras
import numpy as np
from keras import ops

from visualize.deconvnet.rules.registry import register_rule
from visualize.deconvnet.rules.rule import Rule


@register_rule(keras.layers.Flatten, keras.layers.Reshape, "keras.ops.Reshape")
class Reshape(Rule):
    """Gives the signal the input's shape."""

    def backward(self, call, signal, memory):
        return ops.reshape(signal, [ops.shape(signal)[0], *call.input_shape])


@register_rule(keras.layers.Permute)
class Permute(Rule):
    """Permutes the axes back."""

    def backward(self, call, signal, memory):
        return ops.transpose(signal, np.argsort([0, *call.layer.dims]).tolist())


@register_rule(keras.layers.ZeroPadding2D)
class ZeroPadding2D(Rule):
    """Cuts the padding off; what falls on it is lost, as it came from nowhere."""

    def forward(self, call, x):
        return (x if call.windowed else call.run(x)), None

    def backward(self, call, signal, memory):
        if call.windowed:
            return signal
        (top, _), (left, _) = call.layer.padding
        height, width, _ = call.input_shape
        return signal[:, top : top + height, left : left + width]


@register_rule(keras.layers.Cropping2D)
class Cropping2D(Rule):
    """Puts zeros where pixels were cropped."""

    def forward(self, call, x):
        return (x if call.windowed else call.run(x)), None

    def backward(self, call, signal, memory):
        if call.windowed:
            return signal
        rows, columns = call.layer.cropping
        return ops.pad(signal, [[0, 0], rows, columns, [0, 0]])
