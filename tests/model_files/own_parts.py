"""Parts of networks that are not Keras's own, as a user's module has them."""

import keras


class Doubled(keras.layers.Layer):
    """Multiplies by two; a layer that only this module knows."""

    def call(self, x):
        return 2 * x


class Smooth(keras.Regularizer):
    """Punishes differences of neighbouring weights."""

    def __call__(self, x):
        return keras.ops.sum(keras.ops.square(x[1:] - x[:-1]))

    def get_config(self):
        return {}


def _hidden(x):
    return keras.ops.relu(x)


# Under another module's name, so that importing this one does not make it known.
_hidden.__module__, _hidden.__name__ = "elsewhere", "unknown"
unknown = _hidden
