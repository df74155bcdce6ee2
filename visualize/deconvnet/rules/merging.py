"""Branches that meet: each gets its part of the signal."""

import keras
import numpy as np
from keras import ops

from visualize.deconvnet.rules.registry import register_rule
from visualize.deconvnet.rules.rule import Rule, Slot


class _Sum(Rule):
    """A sum with fixed weights."""

    def weights(self, call):
        """Returns a factor for each input."""
        return [1] * len(call.input_shapes)

    def check(self, call):
        ranks = {len(shape) for shape in call.input_shapes}
        if len(ranks) > 1:
            raise call.refuse("join tensors of one rank")

    def axes(self, call):
        same = len({shape[:-1] for shape in call.input_shapes}) == 1
        fixed = [leaf for leaf in operands(call) if not isinstance(leaf, Slot | list)]
        return super().axes(call) if same and not any(map(np.ndim, fixed)) else None

    def backward(self, call, signal, memory):
        pairs = zip(self.weights(call), call.input_shapes, strict=True)
        return tuple(
            reduced(signal if weight == 1 else signal * weight, shape)
            for weight, shape in pairs
        )


@register_rule(keras.layers.Add, "keras.ops.Add")
class Add(_Sum):
    """Every branch gets the whole signal."""


@register_rule(keras.layers.Average)
class Average(_Sum):
    """Every branch gets its share."""

    def weights(self, call):
        n = len(call.input_shapes)
        return [1 / n] * n


@register_rule(keras.layers.Subtract)
class Subtract(_Sum):
    """The second branch gets the negative signal."""

    def weights(self, call):
        return [1, -1]


@register_rule("keras.applications.CustomScaleLayer")
class CustomScaleLayer(_Sum):
    """The sum of InceptionResNetV2: its second branch is scaled."""

    def weights(self, call):
        return [1, call.layer.scale]


@register_rule("keras.ops.Subtract")
class SubtractOperation(_Sum):
    """The same, where one side may be a constant."""

    def weights(self, call):
        signs = zip(operands(call), (1, -1), strict=True)
        return [sign for side, sign in signs if isinstance(side, Slot)]


@register_rule("keras.ops.Multiply")
class MultiplyByConstant(Rule):
    """Multiplies again. The product of two tensors is not linear, and refused."""

    def axes(self, call):
        return None  # the constant may have a number for each position

    def check(self, call):
        if sum(isinstance(side, Slot) for side in operands(call)) != 1:
            raise call.refuse("multiply one tensor by a constant")

    def backward(self, call, signal, memory):
        (factor,) = (s for s in operands(call) if not isinstance(s, Slot))
        factor = ops.cast(ops.convert_to_tensor(factor), signal.dtype)
        return reduced(signal * factor, call.input_shape)


@register_rule("keras.ops.Divide", "keras.ops.TrueDivide")
class DivideByConstant(Rule):
    """Divides again."""

    def axes(self, call):
        return None  # the constant may have a number for each position

    def check(self, call):
        above, below = operands(call)
        if not isinstance(above, Slot) or isinstance(below, Slot):
            raise call.refuse("divide a tensor by a constant")

    def backward(self, call, signal, memory):
        factor = ops.cast(ops.convert_to_tensor(operands(call)[1]), signal.dtype)
        return reduced(signal / factor, call.input_shape)


@register_rule(keras.layers.Concatenate, "keras.ops.Concatenate")
class Concatenate(Rule):
    """Every branch gets its slice."""

    def axes(self, call):
        rank = len(call.input_shape) + 1
        return super().axes(call) if call.operation.axis % rank == rank - 1 else None

    def backward(self, call, signal, memory):
        axis = call.operation.axis % len(signal.shape)
        sizes = [shape[axis - 1] for shape in call.input_shapes]
        ends = np.cumsum(sizes, dtype=int).tolist()[:-1]
        return tuple(ops.split(signal, ends, axis=axis)) if ends else (signal,)


def operands(call):
    """Returns the two sides of a binary operation."""
    args, kwargs = call.arguments
    return (*args, *kwargs.values())[:2]


def reduced(signal, shape):
    """Sums a signal over the axes along which an input was broadcast."""
    axes = [
        axis
        for axis, length in enumerate(shape, start=1)
        if isinstance(length, int) and length == 1 and signal.shape[axis] != 1
    ]
    return ops.sum(signal, axes, keepdims=True) if axes else signal
