"""What stands for the paper's layers 1, 5 and 7 in networks it does not know."""

import keras

from zfkeras.errors import UsageError
from zfkeras.models.endpoints import endpoints, first_output
from zfkeras.models.layer_tensor import layer_tensor


def paper_layer(model: keras.Model, number: int) -> int | str:
    """A layer that plays the part of the paper's layer 1, 5 or 7.

    In networks that `ZFNet` makes it is that layer. In others, and where it was left
    out: 1 is the first convolution, 5 the last layer with feature maps, 7 the last
    layer before the output whose answer is a vector.

    Args:
        model: a functional or sequential model.
        number: 1, 5 or 7.

    Returns:
        What `layer_tensor` takes: the number or a layer's name.

    Raises:
        UsageError: the model has no such layer.
    """
    try:
        if number in endpoints(model):
            return number
    except UsageError:
        pass
    layers = [
        layer
        for layer in model.layers
        if not isinstance(layer, keras.layers.InputLayer)
    ]
    convolutions = [
        layer.name
        for layer in layers
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D))
    ]
    maps = [layer.name for layer in layers if _rank(layer) == 4]
    vectors = [layer.name for layer in layers[:-1] if _rank(layer) == 2]
    found = {1: convolutions[:1] or maps[:1], 5: maps[-1:], 7: vectors[-1:]}[number]
    if not found:
        raise UsageError(
            f"the model has nothing like the paper's layer {number}; name a layer, one "
            f"of {', '.join(layer.name for layer in model.layers)}."
        )
    return found[0]


def layer_heading(model: keras.Model, layer: int | str) -> str:
    """What pictures call a layer: "layer 5 (pool5)", or its name alone.

    Args:
        model: a functional or sequential model.
        layer: the paper's number or a name.
    """
    name, _ = layer_tensor(model, layer)
    return f"layer {layer} ({name})" if isinstance(layer, int) else name


def _rank(layer) -> int:
    try:
        return len(first_output(layer).shape)
    except (AttributeError, ValueError):  # called at several places, or never
        return 0
