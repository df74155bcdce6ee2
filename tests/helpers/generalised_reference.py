"""The generalised rules a second time: gates in closed form, statistics stopped.

It shares no code with `visualize`. Where the package divides (f(x) - f(0)) by x, each
gate is written out here; where it drops a branch, TensorFlow's `stop_gradient` does.
"""

import math

import keras
import numpy as np
import tensorflow as tf

_SELU, _ALPHA = 1.0507009873554805, 1.6732632423543772


def _share(numerator, x, at_zero):
    """numerator(x) / x in double precision; `at_zero` is its limit."""
    wide = tf.cast(x, tf.float64)
    safe = tf.where(wide == 0, tf.ones_like(wide), wide)
    shares = tf.where(wide == 0, tf.cast(at_zero, tf.float64), numerator(safe) / safe)
    return tf.cast(shares, x.dtype)


def _gelu(x, approximate):
    if approximate:
        return 0.5 * (1 + tf.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * (1 + tf.math.erf(x / math.sqrt(2)))


def _below_zero(x):
    """(exp(x) - 1) / x below 0, 1 from there."""
    return tf.where(x < 0, _share(tf.math.expm1, x, 1.0), tf.ones_like(x))


def _sparse_plus(x):
    bent = lambda x: tf.where(abs(x) < 1, x * (x + 2) / 4, tf.nn.relu(x) - 0.25)  # noqa: E731
    return _share(bent, x, 0.5)


GATES = {
    "elu": lambda x: _below_zero(x),
    "celu": lambda x: _below_zero(x),
    "selu": lambda x: _SELU * tf.where(x < 0, _ALPHA * _below_zero(x), 1.0),
    "gelu": lambda x: _gelu(x, False),
    "gelu, approximate": lambda x: _gelu(x, True),
    "silu": tf.sigmoid,
    "hard_silu": lambda x: tf.clip_by_value(x / 6 + 0.5, 0, 1),
    "mish": lambda x: tf.tanh(tf.math.softplus(x)),
    "softplus": lambda x: _share(lambda x: tf.math.softplus(x) - math.log(2), x, 0.5),
    "squareplus": lambda x: _share(lambda x: (x + tf.sqrt(x**2 + 4)) / 2 - 1, x, 0.5),
    "sparse_plus": _sparse_plus,
}
_OPERATIONS = {"hardsilu": "hard_silu", "sparseplus": "sparse_plus"}


def _with_gradient(function, gate, limit, method):
    @tf.custom_gradient
    def run(x):
        def gradient(upstream):
            if method == "deconvnet":
                return limit(upstream)
            positive = tf.maximum(upstream, 0) if method == "guided" else upstream
            return positive * gate(x)

        return function(x), gradient

    return run


def _leaky(slope, method):
    run = lambda x: tf.where(x > 0, x, slope * x)  # noqa: E731
    gate = lambda x: tf.where(x > 0, tf.ones_like(x), slope)  # noqa: E731
    return _with_gradient(run, gate, run, method)


def activation(part, method):
    """The function of a layer, operation or activation, or `None` for others."""
    name = getattr(part, "__name__", type(part).__name__.lower())
    name = _OPERATIONS.get(name, name)
    slope = getattr(part, "negative_slope", 0.2 if name == "leaky_relu" else 0)
    if name in ("leaky_relu", "leakyrelu") or (name == "relu" and slope):
        return _leaky(slope, method)
    if getattr(part, "approximate", False):
        name = "gelu, approximate"
    if name not in GATES:
        return None
    scale = _SELU if name == "selu" else 1
    limit = lambda upstream: scale * tf.maximum(upstream, 0)  # noqa: E731
    function = part.call if isinstance(part, keras.Operation) else part
    return _with_gradient(function, GATES[name], limit, method)


def _standardised(x, axes, epsilon):
    mean, variance = tf.nn.moments(x, axes, keepdims=True)
    deviation = tf.stop_gradient(tf.sqrt(variance + epsilon))
    return (x - tf.stop_gradient(mean)) / deviation


class LayerNormalization(keras.layers.LayerNormalization):
    def call(self, x):
        shape = [n if axis in self._axes(x) else 1 for axis, n in enumerate(x.shape)]
        x = _standardised(x, self._axes(x), self.epsilon)
        x = x if self.gamma is None else x * tf.reshape(self.gamma, shape)
        return x if self.beta is None else x + tf.reshape(self.beta, shape)

    def _axes(self, x):
        return [axis % len(x.shape) for axis in self.axis]


class RMSNormalization(keras.layers.RMSNormalization):
    def call(self, x):
        power = tf.reduce_mean(x**2, self.axis, keepdims=True)
        return x * tf.stop_gradient(self.scale / tf.sqrt(power + self.epsilon))


class UnitNormalization(keras.layers.UnitNormalization):
    def call(self, x):
        power = tf.reduce_sum(x**2, self.axis, keepdims=True)
        return x / tf.stop_gradient(tf.sqrt(power))


class GroupNormalization(keras.layers.GroupNormalization):
    def call(self, x):
        parts = tf.split(x, self.groups, axis=-1)
        axes = [*range(1, len(x.shape))]
        x = tf.concat([_standardised(p, axes, self.epsilon) for p in parts], -1)
        x = x * self.gamma if self.scale else x
        return x + self.beta if self.center else x


class PReLU(keras.layers.PReLU):
    method = None

    def call(self, x):
        return _leaky(tf.convert_to_tensor(self.alpha), self.method)(x)


class Multiply(keras.layers.Multiply):
    """Stops the gradient of factors of one pixel, or of those that are named."""

    gates = None  # numbers of the factors; `None`: those of one pixel

    def call(self, factors):
        sizes = [int(np.prod(factor.shape[1:-1])) for factor in factors]
        gates = self.gates
        if gates is None:
            gates = [n for n, size in enumerate(sizes) if size < max(sizes)]
        assert len(gates) == len(factors) - 1, f"{self.name} has no gate"
        product = 1.0
        for number, factor in enumerate(factors):
            product *= tf.stop_gradient(factor) if number in gates else factor
        return product


_FROZEN = (
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
    GroupNormalization,
    PReLU,
    Multiply,
)


def frozen(layer, method, gates):
    """A copy of a layer whose statistics or gates are stopped; `None` for others."""
    for kind in _FROZEN:
        if type(layer) is kind.__base__:
            copy = kind.from_config(layer.get_config())
            copy.method, copy.gates = method, gates.get(layer.name)
            return copy
    return None
