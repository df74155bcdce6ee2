"""Rules for ReLU in all its spellings, linear, softmax and sigmoid."""

import keras
import numpy as np
from keras import ops

from visualize.deconvnet.backend import own_functions
from visualize.deconvnet.rules.registry import register_rule
from visualize.deconvnet.rules.rule import Rule, Slot


class _Rectify(Rule):
    """The one difference between deconvnet, guided backpropagation and gradient.

    The deconvnet rectifies the signal and forgets where the forward ReLU was on (Zeiler
    & Fergus 2014, sec. 2.1 "Rectification"); the gradient does the opposite; guided
    backpropagation (Springenberg et al. 2015) does both.
    """

    is_elementwise = True

    def forward(self, call, x):
        y = call.run(x)
        if call.options.method == "deconvnet":
            return y, None
        passed = y > 0
        top = self.max_value(call)
        return y, passed if top is None else passed & (y < ops.cast(top, y.dtype))

    def backward(self, call, signal, passed):
        if call.options.method != "gradient":
            signal = ops.relu(signal)
        return signal if passed is None else ops.where(passed, signal, 0)

    def max_value(self, call):
        return None


@register_rule(
    keras.activations.relu,
    keras.layers.ReLU,
    keras.ops.relu,
    *own_functions("relu"),
    "keras.activations.ReLU",
    "keras.ops.Relu",
)
class ReLU(_Rectify):
    """max(x, 0), cut at `max_value` if there is one."""

    def check(self, call):
        if getattr(call.operation, "negative_slope", 0) != 0:
            raise call.refuse("have negative_slope=0")
        if getattr(call.operation, "threshold", 0) < 0:
            raise call.refuse("have a threshold from 0")

    def max_value(self, call):
        return getattr(call.operation, "max_value", None)


@register_rule(
    keras.activations.relu6, keras.ops.relu6, *own_functions("relu6"), "keras.ops.Relu6"
)
class ReLU6(_Rectify):
    """min(max(x, 0), 6)."""

    def max_value(self, call):
        return 6


@register_rule("keras.ops.Maximum")
class MaximumWithZero(_Rectify):
    """`keras.ops.maximum(x, 0)`: a ReLU by another name."""

    def check(self, call):
        args, kwargs = call.arguments
        others = [v for v in (*args, *kwargs.values()) if not isinstance(v, Slot)]
        if len(others) != 1 or not np.isscalar(others[0]) or others[0] != 0:
            raise call.refuse("be the maximum of one tensor and 0")


@register_rule(
    keras.activations.linear,
    keras.layers.Identity,
    "keras.ops.Identity",
    *own_functions("identity"),
)
class Linear(Rule):
    """Changes nothing."""

    is_elementwise = True

    def backward(self, call, signal, memory):
        return signal


@register_rule(keras.layers.Activation)
class ActivationLayer(Linear):
    """Nothing but its activation."""

    has_activation = True

    def forward(self, call, x):
        return x, None


@register_rule(
    keras.activations.sigmoid,
    keras.activations.softmax,
    keras.layers.Softmax,
    keras.ops.sigmoid,
    keras.ops.softmax,
    *own_functions("sigmoid", "softmax"),
    "keras.ops.Sigmoid",
    "keras.ops.Softmax",
)
class Probability(Rule):
    """Where a projection starts, it starts at the logit. Elsewhere it is refused."""

    def check(self, call):
        raise call.refuse("be the last one before the layer that is projected")
