"""Linear layers whose transpose the backend derives: indexing, stacking, resizing."""

import keras

from visualize.deconvnet.backend import transposed
from visualize.deconvnet.rules.registry import register_rule
from visualize.deconvnet.rules.rule import Rule


class _Transposed(Rule):
    """Takes the gradient at 0, which is the transpose: an offset has no part in it."""

    def axes(self, call):
        return None

    def run(self, call, inputs):
        """Runs the layer on tensors of the signal's type."""
        return call.run(*inputs)

    def backward(self, call, signal, memory):
        return transposed(
            lambda *inputs: self.run(call, inputs), call.input_shapes, signal
        )


@register_rule("keras.ops.GetItem")
class GetItem(_Transposed):
    """Puts what was taken back to its place: `t[..., ::-1]`, `t[:, 1:-1]`."""

    def check(self, call):
        key = call.arguments[0][1]
        first = key[0] if isinstance(key, (tuple, list)) else key
        if first not in (Ellipsis, slice(None)):
            raise call.refuse("take all images: t[:, ...]")


@register_rule("keras.ops.Stack")
class Stack(_Transposed):
    """Every input gets its slice."""


@register_rule(
    "keras.ops.DepthToSpace",
    "keras.ops.Fold",
    "keras.ops.SpaceToDepth",
    "keras.ops.Unfold",
)
class Rearranged(_Transposed):
    """Values go back where they were; those that were added get the whole signal."""


@register_rule("keras.ops.Transpose")
class Transpose(_Transposed):
    """Permutes the axes back."""

    def check(self, call):
        if not call.operation.axes or call.operation.axes[0] != 0:
            raise call.refuse("leave the axis of the images where it is")


@register_rule(keras.layers.AdaptiveAveragePooling2D)
class AdaptiveAveragePooling2D(_Transposed):
    """Spreads each value evenly over its window, whose size may vary."""

    def run(self, call, inputs):
        return call.layer.call(*inputs)  # without a cast to half precision


@register_rule(keras.layers.Resizing, keras.layers.UpSampling2D)
class Resizing(_Transposed):
    """Spreads each value over the pixels it was made of, by the same weights."""

    def check(self, call):
        if call.layer.interpolation == "area":  # TensorFlow has no gradient of it
            raise call.refuse("have another interpolation than 'area'")

    def run(self, call, inputs):
        return call.layer.call(*inputs)  # without a cast to half precision


@register_rule(keras.layers.CenterCrop)
class CenterCrop(_Transposed):
    """Puts zeros where pixels were cropped; a smaller image was resized."""

    def run(self, call, inputs):
        height, width = call.layer.height, call.layer.width
        return keras.layers.CenterCrop(height, width, dtype=inputs[0].dtype)(*inputs)


@register_rule("keras.ops.Negative")
class Negative(Rule):
    """Changes the sign again."""

    is_elementwise = True

    def backward(self, call, signal, memory):
        return -signal
