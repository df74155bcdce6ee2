"""Generalised rules for normalisations by statistics of the image itself: frozen.

Held at their values on the way up, the mean and the deviation make the layer a fixed
scale and shift, as batch normalisation is one. The shift has no part.
"""

import keras
from keras import ops

from visualize.deconvnet.rule_sets import GENERALISED
from visualize.deconvnet.rules.registry import register_rule
from visualize.deconvnet.rules.rule import Rule


class _Frozen(Rule):
    """Multiplies by what the layer multiplied the deviation from the mean by."""

    def forward(self, call, x):
        wide = ops.cast(x, "float64" if x.dtype == "float64" else "float32")
        return call.run(x), self.scale(call, wide)

    def scale(self, call, x):
        """Returns the factor of each number, of a shape that fits the signal's."""
        raise NotImplementedError

    def backward(self, call, signal, scale):
        return signal * ops.cast(scale, signal.dtype)


@register_rule(keras.layers.LayerNormalization, rules=(GENERALISED,))
class LayerNormalization(_Frozen):
    """gamma / sqrt(variance + epsilon) of this image, over the layer's axes."""

    def scale(self, call, x):
        layer = call.layer
        variance = ops.var(x, layer.axis, keepdims=True)
        return _times(layer.gamma, ops.rsqrt(variance + layer.epsilon), layer.axis)


@register_rule(keras.layers.RMSNormalization, rules=(GENERALISED,))
class RMSNormalization(_Frozen):
    """scale / sqrt(mean square + epsilon)."""

    def scale(self, call, x):
        layer = call.layer
        power = ops.mean(ops.square(x), layer.axis, keepdims=True)
        epsilon = layer.epsilon or keras.config.epsilon()
        return _times(layer.scale, ops.rsqrt(power + epsilon), layer.axis)


@register_rule(keras.layers.UnitNormalization, rules=(GENERALISED,))
class UnitNormalization(_Frozen):
    """One over the norm."""

    def scale(self, call, x):
        power = ops.sum(ops.square(x), call.layer.axis, keepdims=True)
        return ops.rsqrt(ops.maximum(power, 1e-12))  # as the layer itself


@register_rule(keras.layers.GroupNormalization, rules=(GENERALISED,))
class GroupNormalization(_Frozen):
    """gamma / sqrt(variance + epsilon) of each group of channels of this image."""

    def check(self, call):
        if call.layer.axis % (len(call.input_shape) + 1) != len(call.input_shape):
            raise call.refuse("have its channels last")

    def scale(self, call, x):
        layer = call.layer
        *size, channels = call.input_shape
        each = channels // layer.groups
        grouped = ops.reshape(x, [-1, *size, layer.groups, each])
        over = [*range(1, len(size) + 1), len(size) + 2]
        variance = ops.var(grouped, over, keepdims=True)
        factor = ops.repeat(ops.rsqrt(variance + layer.epsilon), each, axis=-1)
        factor = ops.reshape(factor, [-1, *[1] * len(size), channels])
        return _times(layer.gamma if layer.scale else None, factor, [-1])


def _times(gamma, factor, axes):
    """Multiplies by a layer's weights, which have the lengths of some axes."""
    if gamma is None:
        return factor
    gamma, rank = ops.cast(gamma, factor.dtype), len(factor.shape)
    axes = [axis % rank for axis in axes]
    shape = [1] * rank
    for axis, length in zip(axes, gamma.shape, strict=True):
        shape[axis] = length
    return ops.reshape(gamma, shape) * factor
