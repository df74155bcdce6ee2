"""Generalised rules for products of maps: one factor is the signal's, the others gates.

A gate is held at its value on the way up, and no signal goes into it (Arras et al.
2017, "signal-take-all"). Which factor is the gate, the network's structure tells.
"""

import keras
from keras import ops

from visualize.deconvnet.backend import own_functions
from visualize.deconvnet.rule_sets import GENERALISED
from visualize.deconvnet.rules.activations import Linear
from visualize.deconvnet.rules.merging import MultiplyByConstant, operands, reduced
from visualize.deconvnet.rules.registry import find_rule, register_rule, require_rule
from visualize.deconvnet.rules.rule import Call, Rule, Slot
from zfkeras.errors import UsageError
from zfkeras.graph.kinds import POINTWISE, Register, Role, role_of, windows_of

_BOUNDED = Register()
_BOUNDED.add(
    (
        keras.activations.hard_sigmoid,
        keras.activations.relu6,
        keras.activations.sigmoid,
        keras.activations.tanh,
        keras.ops.hard_sigmoid,
        keras.ops.relu6,
        keras.ops.sigmoid,
        keras.ops.tanh,
        *own_functions("relu6", "sigmoid", "tanh"),
        "keras.ops.HardSigmoid",
        "keras.ops.Relu6",
        "keras.ops.Sigmoid",
        "keras.ops.Tanh",
    ),
    True,
)
# Bounded, but of all numbers together.
_BOUNDED.add(
    (
        keras.activations.softmax,
        keras.layers.Softmax,
        keras.ops.softmax,
        *own_functions("softmax"),
        "keras.ops.Softmax",
    ),
    False,
)
_ARITHMETIC = Register()
_ARITHMETIC.add(
    (
        keras.layers.Rescaling,
        "keras.ops.Add",
        "keras.ops.Divide",
        "keras.ops.Multiply",
        "keras.ops.Subtract",
        "keras.ops.TrueDivide",
    ),
    True,
)


@register_rule(keras.layers.Multiply, "keras.ops.Multiply", rules=(GENERALISED,))
class Multiply(MultiplyByConstant):
    """Multiplies the signal by the gates, whose own layers get none of it.

    A factor of one pixel beside a larger map is a gate, as in squeeze-and-excitation;
    else a factor that ends in a bounded function, such as a sigmoid. Where the gate is
    a function of the other factor, the product is an activation, as x * sigmoid(x) is
    swish, and the signal is rectified as `smooth` has it.
    """

    def axes(self, call):
        same = len({shape[:-1] for shape in call.input_shapes}) == 1
        return Rule.axes(self, call) if same and _is_product(call) else None

    def check(self, call):
        if len({*map(len, call.input_shapes)}) > 1:
            raise call.refuse("join tensors of one rank")
        if _is_product(call) and sum(self.carries(call)) != 1:
            raise call.refuse(
                "be a product with one factor that is no gate: gates have one pixel, "
                "or end in a bounded function such as a sigmoid"
            )

    def carries(self, call):
        small = [shape[:-1] == (1, 1) for shape in call.input_shapes]
        if all(small):
            small = [False] * len(small)
        is_gate = small if any(small) else [*map(_is_bounded, call.sources)]
        return tuple(not gate for gate in is_gate)

    def forward(self, call, *inputs):
        gate = None
        if _is_product(call):
            for factor, carries in zip(inputs, self.carries(call), strict=True):
                if not carries:
                    gate = factor if gate is None else gate * factor
        return call.run(*inputs), gate

    def backward(self, call, signal, gate):
        if gate is None:
            return super().backward(call, signal, gate)
        carries, method = self.carries(call), call.options.method
        is_activation = _is_activation(call, carries)
        if is_activation and method != "gradient":
            signal = ops.relu(signal)
        if not (is_activation and method == "deconvnet"):
            signal = signal * ops.cast(gate, signal.dtype)
        return tuple(
            reduced(signal, shape) if carry else None
            for shape, carry in zip(call.input_shapes, carries, strict=True)
        )


class Gate(Rule):
    """A layer without a rule that only gates depend on: no signal comes to it."""

    def axes(self, call):
        each = _BOUNDED.find(call.operation) or windows_of(call.operation) == POINTWISE
        return POINTWISE if each else None


def rule_of_gate(call: Call) -> Rule:
    """Returns a rule for a call that only gates depend on; it may have no other."""
    try:
        return require_rule(call)
    except UsageError:
        rule = find_rule(call.operation, call.options.rules)
        if rule is not None and rule.has_activation:
            raise  # its activation, a step of its own, would run twice
        return Gate()


def _is_product(call) -> bool:
    """Says whether several tensors are multiplied, not one by a constant."""
    return len(call.input_shapes) > 1


def _is_bounded(call) -> bool:
    """Says whether a call, or what it only scales or moves, is a bounded function."""
    while call is not None:
        top = getattr(call.operation, "max_value", None)
        if _BOUNDED.find(call.operation) is not None or top is not None:
            return True
        call = call.sources[0] if _only_scales(call) else None
    return False


def _only_scales(call) -> bool:
    """Says whether a call hands on one tensor, but for places and constants."""
    is_linear = isinstance(find_rule(call.operation), Linear)
    is_silent = is_linear or role_of(call.operation) is Role.SILENT
    is_arithmetic = _ARITHMETIC.find(call.operation) is not None
    if is_arithmetic and type(call.operation).__name__.endswith("Divide"):
        is_arithmetic = isinstance(operands(call)[0], Slot)  # not 1 / x
    return len(call.sources) == 1 and (is_silent or is_arithmetic)


def _is_activation(call, carries) -> bool:
    """Says whether the gates are functions of the factor that carries, by number."""
    pairs = [*zip(call.sources, carries, strict=True)]
    (own,) = (source for source, carry in pairs if carry)
    return all(_comes_from(source, own) for source, carry in pairs if not carry)


def _comes_from(call, origin) -> bool:
    """Says whether a call computes each number of one call's number alone."""
    while call is not None and call is not origin:
        rule = find_rule(call.operation, GENERALISED)
        each = _BOUNDED.find(call.operation) or (rule and rule.is_elementwise)
        if len(call.sources) != 1 or not (each or _only_scales(call)):
            return False
        (call,) = call.sources
    return call is origin
