"""Pools: maxima go back to the places of their switches, averages are spread.

Zeiler & Fergus 2014, sec. 2.1 "Unpooling". Windows that share a maximum add.
"""

import keras
from keras import ops

from visualize.deconvnet.backend import gradients, transposed
from visualize.deconvnet.rules.registry import register_rule
from visualize.deconvnet.rules.rule import Rule
from zfkeras.layers import MaxPoolWithArgmax
from zfkeras.layers.switches import Windows, max_pool, max_pool_values, unpool


class _MaxPool(Rule):
    """Unpools by the switches, one byte each."""

    remembers_late = True
    outside = float("-inf")

    def axes(self, call):
        return None if any(call.used_outputs[1:]) else super().axes(call)

    def outputs(self, call, x):
        return max_pool_values(ops.cast(x, call.layer.compute_dtype), windows_of(call))

    def backward(self, call, signal, switches):
        height, width, _ = call.input_shape
        return unpool(signal, switches, height, width, windows_of(call))


@register_rule(keras.layers.MaxPooling2D)
class MaxPooling2D(_MaxPool):
    """Pools as Keras's own pool does, and keeps the switches as well."""

    def forward(self, call, x):
        return max_pool(ops.cast(x, call.layer.compute_dtype), windows_of(call))


@register_rule(MaxPoolWithArgmax)
class MaxPoolWithArgmaxRule(_MaxPool):
    """The argmax itself is only made where something reads it."""

    def forward(self, call, x):
        wide = ops.cast(x, call.layer.compute_dtype)
        pooled, switches = max_pool(wide, windows_of(call))
        return (pooled, _argmax(call, x)), switches

    def outputs(self, call, x):
        return super().outputs(call, x), _argmax(call, x)

    def backward(self, call, signal, switches):
        return super().backward(call, signal[0], switches)


@register_rule(keras.layers.AdaptiveMaxPooling2D)
class AdaptiveMaxPooling2D(Rule):
    """Unpools to the maxima of windows whose size may vary."""

    def forward(self, call, x):
        return call.run(x), x

    def backward(self, call, signal, x):
        x = ops.cast(x, signal.dtype)
        (image,) = gradients(call.layer.call, [x], signal)
        return image


@register_rule(keras.layers.AveragePooling2D)
class AveragePooling2D(Rule):
    """Spreads each value evenly over the pixels of the image in its window."""

    def axes(self, call):
        # Windows that overhang the border divide by fewer pixels.
        return super().axes(call) if call.layer.padding == "valid" else None

    def backward(self, call, signal, memory):
        layer = call.layer
        place = layer.pool_size, layer.strides, layer.padding, "channels_last"
        (image,) = transposed(
            lambda x: ops.average_pool(x, *place), [call.input_shape], signal
        )
        return image


@register_rule(keras.layers.GlobalAveragePooling2D)
class GlobalAveragePooling2D(Rule):
    """Spreads each value evenly over its map."""

    def backward(self, call, signal, memory):
        height, width, channels = call.input_shape
        share = _as_maps(signal) / ops.cast(height * width, signal.dtype)
        return ops.broadcast_to(share, [ops.shape(signal)[0], height, width, channels])


@register_rule(keras.layers.GlobalMaxPooling2D)
class GlobalMaxPooling2D(Rule):
    """Puts each value back to the first maximum of its map."""

    def forward(self, call, x):
        height, width, channels = call.input_shape
        flat = ops.reshape(x, [-1, height * width, channels])
        return call.run(x), ops.argmax(flat, axis=1)

    def backward(self, call, signal, places):
        height, width, channels = call.input_shape
        there = ops.one_hot(places, height * width, axis=1, dtype=signal.dtype)
        maps = ops.reshape(there, [-1, height, width, channels])
        return maps * _as_maps(signal)


def _argmax(call, x):
    return call.run(x)[1] if call.used_outputs[1] else None


def windows_of(call) -> Windows:
    """Returns the windows of a pool."""
    return Windows.of(call.layer.pool_size, call.layer.strides, call.padding)


def _as_maps(signal):
    """Returns (n, channels) as (n, 1, 1, channels), maps as they are."""
    return signal if len(signal.shape) == 4 else signal[:, None, None, :]
