"""Which input pixels a unit of a layer can see, exactly, from the model's graph.

Sizes and offsets come from each layer's own kernel, stride and padding, so the answer
holds for any functional or sequential model made of layers in the register of kinds.
"""

from collections.abc import Callable

import keras

from zfkeras.errors import UsageError
from zfkeras.graph.boxes import Boxes, Span, boxes_below
from zfkeras.graph.calls import calls_between, model_of
from zfkeras.graph.kinds import WHOLE, windows_of


def receptive_field(
    model: keras.Model,
    tensor: keras.KerasTensor,
    counts: Callable = lambda call: (True,) * len(call.inputs),
) -> Boxes:
    """Computes the receptive field of a tensor inside a model.

    Args:
        model: a functional or sequential model, or a `Classifier` of one, with one
            image of known size as its input.
        tensor: an output of one of its layers, as `zfkeras.endpoints(model)[5].tensor`
            or `model.get_layer("conv3").output`.
        counts: function from a `LayerCall` to whether each of its inputs counts, for
            fields without those of gates, say. Default: all count.

    Returns:
        The input pixels of each unit; the whole image, with the stride 0, for units
        that depend on all of it.

    Raises:
        UsageError: a model without one image of known size, a tensor of another model,
            or a layer below it whose windows are unknown.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((12, 12, 3)), keras.layers.Conv2D(4, 5, strides=2)]
        ... )
        >>> field = receptive_field(model, model.outputs[0])
        >>> field.size, field.stride, field.box((1, 2))
        ((5, 5), (2, 2), (2, 4, 7, 9))
    """
    model = model_of(model)
    shapes = [tuple(image.shape) for image in model.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or None in shapes[0][1:3]:
        raise UsageError(
            argument="model",
            expected="a network with one image as its input, whose size is known, for "
            "receptive fields",
            received=f"input shapes={shapes}",
        )
    calls, (number,) = calls_between(model.inputs, [tensor])
    if any(call.is_input and not call.around for call in calls[1:]):
        raise UsageError(
            argument="tensor", expected="in the model", received=tensor.name
        )
    running = [call for call in calls if call.runs]
    seen = boxes_below(running, number, _axes, counts=counts).get(0)
    height, width = shapes[0][1:3]
    return seen or Boxes(Span(0, height), Span(0, width))


def _axes(call):
    """Returns the windows of a call, `None` for the whole input."""
    operation, shapes = call.operation, call.input_shapes
    ranks, made = {*map(len, shapes)}, len(call.tensor.shape) - 1
    # Maps of one channel, (height, width), that are stacked to (height, width, 3).
    if ranks != {3} and (*ranks, made) != (2, 3):
        return None
    windows = windows_of(operation)
    axis = getattr(operation, "axis", -1)
    if windows is None:
        kind = type(operation).__name__
        raise _refusal(call, "of a kind whose receptive field is known", kind)
    if getattr(operation, "data_format", None) == "channels_first":
        raise _refusal(call, "with its channels last", "channels_first")
    if type(operation).__name__ == "Concatenate" and axis not in (-1, len(shapes[0])):
        raise _refusal(call, "joining channels", f"axis={axis}")
    if any(None in shape[:2] for shape in shapes):
        raise _refusal(call, "on maps of known size", f"shapes={shapes}")
    return None if windows == WHOLE else windows


def _refusal(call, expected, received):
    return UsageError(
        argument=call.path,
        expected=f"a layer {expected}",
        received=received,
        remedy="Its receptive field is not known otherwise; visualize.register_rule "
        "takes the `windows` of your own layers.",
    )
