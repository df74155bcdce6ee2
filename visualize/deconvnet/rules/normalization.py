"""Normalisations: fixed scales in inference, and contrast normalisation."""

import keras
from keras import ops

from visualize.deconvnet.rules.registry import register_rule
from visualize.deconvnet.rules.rule import Rule
from zfkeras.layers import LocalResponseNormalization


@register_rule(keras.layers.BatchNormalization)
class BatchNormalization(Rule):
    """Multiplies by gamma / sqrt(moving variance + epsilon); the shift has no part."""

    def axes(self, call):
        last = call.layer.axis in (-1, len(call.input_shape))
        return super().axes(call) if last else None

    def backward(self, call, signal, memory):
        layer = call.layer
        variance = ops.cast(layer.moving_variance, signal.dtype)
        factor = ops.rsqrt(variance + layer.epsilon)
        if layer.scale:
            factor *= ops.cast(layer.gamma, signal.dtype)
        rank = len(signal.shape)
        shape = [1] * rank
        shape[layer.axis % rank] = -1
        return signal * ops.reshape(factor, shape)


@register_rule(keras.layers.Rescaling)
class Rescaling(Rule):
    """Multiplies by the scale; the offset has no part."""

    def backward(self, call, signal, memory):
        return signal * ops.cast(call.layer.scale, signal.dtype)


@register_rule("keras.applications.LayerScale")
class LayerScale(Rule):
    """Multiplies by the learned factor of each channel (ConvNeXt)."""

    def backward(self, call, signal, memory):
        return signal * ops.cast(call.layer.gamma, signal.dtype)


@register_rule(keras.layers.Normalization)
class Normalization(Rule):
    """Divides by the standard deviation of the data, as the layer does."""

    def axes(self, call):
        return None  # each position may have a deviation of its own

    def backward(self, call, signal, memory):
        layer = call.layer
        deviation = ops.sqrt(ops.cast(layer.variance, signal.dtype))
        deviation = ops.maximum(deviation, keras.config.epsilon())
        return signal * deviation if layer.invert else signal / deviation


@register_rule(LocalResponseNormalization)
class LocalResponseNormalizationRule(Rule):
    """Passes the signal on, or takes the true gradient where that is asked for."""

    def forward(self, call, x):
        memory = x if call.options.lrn == "gradient" else None
        return call.layer.run_forward(x), memory

    def backward(self, call, signal, x):
        if x is None:
            return signal
        layer = call.layer
        x = ops.cast(x, signal.dtype)
        near = 2 * layer.depth_radius + 1

        def sum_of_neighbours(maps):
            around = [[0, 0]] * (len(maps.shape) - 1) + [[layer.depth_radius] * 2]
            channels = maps.shape[-1]
            padded = ops.pad(maps, around)
            return sum([padded[..., i : i + channels] for i in range(near)])

        energy = layer.bias + layer.alpha * sum_of_neighbours(ops.square(x))
        own = energy**-layer.beta
        shared = sum_of_neighbours(signal * x * own / energy)
        return signal * own - 2 * layer.alpha * layer.beta * x * shared
