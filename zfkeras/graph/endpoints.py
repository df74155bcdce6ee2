"""The paper's layers 1 to 7 in a model: tensor, channels, stride, receptive field."""

import dataclasses

import keras

from zfkeras.errors import UsageError
from zfkeras.graph.boxes import Boxes
from zfkeras.graph.calls import LayerCall, calls_between, is_graph, model_of
from zfkeras.graph.kinds import Role, role_of
from zfkeras.graph.receptive_field import receptive_field

# What a layer may be called, but for its digit, and the digits the paper gives it.
_DIGITS = {"conv": "12345", "pool": "12345", "norm": "12345", "fc": "67"}


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
    receptive_field: Boxes

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
        model: a network made by `ZFNet`, in any variant, with known input size; or a
            `Classifier` of one.

    Returns:
        Layer number -> `Endpoint`, lowest first; removed layers are missing.

    Raises:
        UsageError: the model is another network, of other layers or other names, or no
            model, or its input size is unknown.

    Example:
        >>> ends = endpoints(ZFNet())
        >>> ends[5].layer_name, ends[5].receptive_field.size, ends[5].stride
        ('pool5', (171, 171), (32, 32))
    """
    model = model_of(model)
    if not isinstance(model, keras.Model):
        raise UsageError(
            argument="model",
            expected="a Keras model or a Classifier",
            received=type(model).__name__,
        )
    calls: list[LayerCall] = []
    if is_graph(model):
        calls, _ = calls_between(model.inputs, model.outputs)
    numbers = {call: _number(call.operation.name) for call in calls}
    found = [number for number in numbers.values() if number]
    # Names alone are no proof: LeNet has a conv1 and an fc1, MobileNet a first conv1.
    if _is_foreign(numbers, len(model.outputs)) or found != sorted(found):
        raise UsageError(
            argument="model",
            expected="a network with layers named conv1, ..., fc7, in this order, and "
            "no other convolutions or hidden dense layers, as ZFNet makes them",
            received=[layer.name for layer in model.layers][:8],
        )
    last = {number: call for call, number in numbers.items() if number}
    return {
        number: Endpoint(
            number, call.path, call.tensor, receptive_field(model, call.tensor)
        )
        for number, call in sorted(last.items())
    }


def _number(name) -> int | None:
    """Returns the paper's number of a Keras layer by its name."""
    kind, digit = name[:-1], name[-1:]
    return int(digit) if digit and digit in _DIGITS.get(kind, "") else None


def _is_foreign(numbers, num_outputs) -> bool:
    """Says whether calls without a number have learnt something."""
    names = {call.operation.name for call in numbers}
    homes = {f"conv{name[4]}" for name in names if name[:-1] in ("pool", "norm")}
    strays = [call for call, number in numbers.items() if not number]
    roles = [role_of(call.operation) for call in strays]
    return (
        not {"conv1", *homes} <= names
        or any(isinstance(call.operation, keras.Model) for call in strays)
        or bool({Role.CONVOLUTION, Role.SPECIAL_CONVOLUTION} & {*roles})
        or roles.count(Role.DENSE) > num_outputs
    )
