"""Generalised rules for activations that tend to a ReLU, or to a leaky one.

They are not the paper's: docs/methods/generalised.md has the formulas and the reasons.
"""

import keras
from keras import ops

from visualize.deconvnet.backend import own_functions
from visualize.deconvnet.rule_sets import GENERALISED
from visualize.deconvnet.rules.activations import ReLU
from visualize.deconvnet.rules.registry import register_rule
from visualize.deconvnet.rules.rule import Rule

_TINY = 1e-6  # stands for 0, where a gate is a limit


class _Smooth(Rule):
    """Rectifies as a ReLU does; where a ReLU has a gate of 0 or 1, it has a share.

    The deconvnet takes lim f(t r) / t for t to infinity, the ReLU that the function
    tends to. The gradient and guided backpropagation multiply by (f(x) - f(0)) / x,
    which is [x > 0] for a ReLU; f(0) has no part, like a bias.
    """

    is_elementwise = True

    def forward(self, call, x):
        needs_gate = call.options.method != "deconvnet"
        return call.run(x), self.gate(call, x) if needs_gate else None

    def backward(self, call, signal, gate):
        if gate is None:
            return self.limit(call, signal)
        if call.options.method == "guided":
            signal = ops.relu(signal)
        return signal * ops.cast(gate, signal.dtype)

    def gate(self, call, x):
        """Returns (f(x) - f(0)) / x, at 0 its limit."""
        is_layer = isinstance(call.operation, keras.Layer)
        run = call.operation.call if is_layer else call.run  # no cast to fewer bits
        wide = ops.cast(x, "float64")
        wide = ops.where(wide == 0, ops.cast(_TINY, wide.dtype), wide)
        gate = (run(wide) - run(ops.zeros_like(wide))) / wide
        return ops.cast(gate, x.dtype)

    def limit(self, call, signal):
        """Returns what the function tends to for signals that grow."""
        return ops.relu(signal)


@register_rule(
    keras.activations.celu,
    keras.activations.elu,
    keras.activations.gelu,
    keras.activations.hard_silu,
    keras.activations.mish,
    keras.activations.silu,
    keras.activations.softplus,
    keras.activations.sparse_plus,
    keras.activations.squareplus,
    keras.layers.ELU,
    keras.ops.celu,
    keras.ops.elu,
    keras.ops.gelu,
    keras.ops.hard_silu,
    keras.ops.silu,
    keras.ops.softplus,
    keras.ops.sparse_plus,
    keras.ops.squareplus,
    *own_functions("elu", "gelu", "silu", "softplus"),
    "keras.ops.Celu",
    "keras.ops.Elu",
    "keras.ops.Gelu",
    "keras.ops.HardSilu",
    "keras.ops.Silu",
    "keras.ops.Softplus",
    "keras.ops.SparsePlus",
    "keras.ops.Squareplus",
    rules=(GENERALISED,),
)
class Smooth(_Smooth):
    """Functions that tend to max(x, 0)."""


@register_rule(
    keras.activations.selu,
    keras.ops.selu,
    *own_functions("selu"),
    "keras.ops.Selu",
    rules=(GENERALISED,),
)
class SELU(_Smooth):
    """Tends to a ReLU times a constant."""

    def limit(self, call, signal):
        return ops.relu(signal) * ops.cast(
            call.run(ops.convert_to_tensor(1.0)), signal.dtype
        )


class _Leaky(_Smooth):
    """A leaky ReLU is its own limit: the signal goes through it, as through a ReLU."""

    def slope(self, call):
        """Returns the factor of what is below 0."""
        return getattr(call.operation, "negative_slope", 0)

    def gate(self, call, x):
        return ops.where(
            x > 0, ops.ones([], x.dtype), ops.cast(self.slope(call), x.dtype)
        )

    def limit(self, call, signal):
        slope = ops.cast(self.slope(call), signal.dtype)
        return ops.relu(signal) - slope * ops.relu(-signal)


@register_rule(
    keras.activations.leaky_relu,
    keras.layers.LeakyReLU,
    keras.ops.leaky_relu,
    *own_functions("leaky_relu"),
    "keras.ops.LeakyRelu",
    rules=(GENERALISED,),
)
class LeakyReLU(_Leaky):
    """One slope for all channels."""

    def slope(self, call):
        known = getattr(call.operation, "negative_slope", None)
        return -call.run(ops.convert_to_tensor(-1.0)) if known is None else known


@register_rule(keras.layers.PReLU, rules=(GENERALISED,))
class PReLU(_Leaky):
    """A learned slope for each channel, or each number."""

    is_elementwise = False  # of some channels it needs some slopes

    def axes(self, call):
        *places, _ = call.layer.alpha.shape
        return super().axes(call) if {*places} <= {1} else None

    def slope(self, call):
        return call.layer.alpha


@register_rule(keras.layers.ReLU, "keras.activations.ReLU", rules=(GENERALISED,))
class ReLUWithSlope(ReLU, _Leaky):
    """A ReLU as in the paper; with a negative slope, a leaky ReLU."""

    def check(self, call):
        relu = call.operation
        if not relu.negative_slope:
            super().check(call)
        elif relu.max_value is not None or relu.threshold:
            raise call.refuse("have no max_value or threshold beside a negative_slope")

    def forward(self, call, x):
        kind = _Leaky if call.operation.negative_slope else ReLU
        return kind.forward(self, call, x)

    def backward(self, call, signal, memory):
        kind = _Leaky if call.operation.negative_slope else ReLU
        return kind.backward(self, call, signal, memory)
