"""Adds a rule for a layer that clips its input; the signal is rectified."""

import keras

import visualize
from visualize.deconvnet.rules import POINTWISE


@keras.saving.register_keras_serializable(package="tests")
class Clip(keras.layers.Layer):
    """Cuts off what is below 0 or above `limit`."""

    def __init__(self, limit, **options):
        super().__init__(**options)
        self.limit = limit

    def call(self, x):
        return keras.ops.clip(x, 0, self.limit)

    def get_config(self):
        return {**super().get_config(), "limit": self.limit}


@visualize.register_rule(Clip, windows=POINTWISE)
class ClipRule(visualize.Rule):
    """The signal is rectified, whether the value was clipped or not."""

    is_elementwise = True

    def backward(self, call, signal, memory):
        return keras.ops.relu(signal)
