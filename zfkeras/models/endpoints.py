"""The paper's layers 1 to 7 in a model: tensor, channels, stride, receptive field."""

import dataclasses

import keras

from zfkeras.errors import UsageError
from zfkeras.models.receptive_field import ReceptiveField, receptive_field


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """What the paper calls layer 1 to 7.

    Args:
        number: the layer's number in the paper.
        layer_name: the Keras layer that ends it, such as "norm1".
        tensor: its symbolic output, (batch, height, width, channels) or (batch, units).
        receptive_field: the pixels a unit sees. Layers 6 and 7 see the whole image.
    """

    number: int
    layer_name: str
    tensor: keras.KerasTensor
    receptive_field: ReceptiveField

    @property
    def channels(self) -> int:
        """Number of channels, or of units."""
        return self.tensor.shape[-1]

    @property
    def stride(self) -> tuple[int, int]:
        """(vertical, horizontal) step between units in input pixels; 0 for 6 and 7."""
        return self.receptive_field.stride


def endpoints(model: keras.Model) -> dict[int, Endpoint]:
    """Finds the tensors that the paper means by layer 1 to layer 7.

    A convolutional layer ends after its pool and its normalisation, whichever stands
    last: in ZFNet 1 is norm1, 2 norm2, 3 conv3, 4 conv4, 5 pool5, 6 fc6, 7 fc7.

    Args:
        model: a network made by `ZFNet`, in any variant, with known input size.

    Returns:
        Layer number -> `Endpoint`, lowest first; removed layers are missing.

    Raises:
        UsageError: the model has no layer named conv1, or its input size is unknown.

    Example:
        >>> ends = endpoints(ZFNet())
        >>> ends[5].layer_name, ends[5].receptive_field.size, ends[5].stride
        ('pool5', (171, 171), (32, 32))
    """
    last = {
        int(layer.name[-1]): layer
        for layer in model.layers
        if layer.name[:-1] in ("conv", "pool", "norm", "fc")
        and layer.name[-1] in "1234567"
    }
    # fc1 alone, as in VGG, would make a layer 1 of another kind.
    if "conv1" not in {layer.name for layer in model.layers}:
        raise UsageError(
            "endpoints: the model must have layers named conv1, ..., fc7, as ZFNet "
            f"makes them. Received: {[layer.name for layer in model.layers][:8]}."
        )
    return {
        number: Endpoint(number, layer.name, tensor, receptive_field(model, tensor))
        for number, layer in sorted(last.items())
        for tensor in [first_output(layer)]
    }


def first_output(layer: keras.Layer) -> keras.KerasTensor:
    """The maps a layer hands on: its output, for a pool without its argmax."""
    output = layer.output
    return output[0] if isinstance(output, (list, tuple)) else output
