"""Which tensor of a model is meant by a layer's number or name."""

from collections.abc import Sequence
from numbers import Integral

import keras

from zfkeras.errors import UsageError
from zfkeras.graph.endpoints import endpoints
from zfkeras.graph.layer_calls import find_only, layer_calls, seen_from_outside
from zfkeras.graph.stages import stages

_SHOWN = 8  # names in a message


def layer_tensor(model: keras.Model, layer: int | str) -> tuple[str, keras.KerasTensor]:
    """Finds the output of a layer."""
    check_layer(layer)
    if isinstance(layer, Integral):
        return _numbered(model, layer)
    tensor = _named(model, layer)
    if len(tensor.shape) not in (2, 4) or tensor.shape[-1] is None:
        raise UsageError(
            "`layer` must give (batch, height, width, channels) or (batch, units). "
            f"Received: layer={layer!r} of shape {tensor.shape}."
        )
    return layer, tensor


def check_layer(layer: object) -> None:
    """Raises `UsageError` for what is neither a layer's number nor its name."""
    if not isinstance(layer, Integral | str):
        raise UsageError(
            "`layer` must be the paper's number, 1 to 7, or a layer's name. "
            f"Received: layer={layer!r}."
        )


def lowest_first(model: keras.Model, layers: Sequence[int | str]) -> list[int | str]:
    """Layers in the order they run."""
    order = [call.path for call in layer_calls(model)]
    return sorted(layers, key=lambda layer: order.index(layer_tensor(model, layer)[0]))


def _numbered(model, number):
    """Name and tensor of one of the paper's layers."""
    try:
        found = endpoints(model)
    except UsageError as err:
        ends = [stage[-1][0] for stage in stages(model) if stage]
        names = ends or [call.path for call in layer_calls(model)]
        raise UsageError(
            "`layer` must be a layer's name, because this network does not have the "
            f"paper's layers 1 to 7; such as {', '.join(names[-_SHOWN:])}. "
            f"Received: layer={number}."
        ) from err
    if number not in found:
        raise UsageError(
            f"`layer` must be one of {sorted(found)}. Received: layer={number}."
        )
    return found[number].layer_name, found[number].tensor


def _named(model, path):
    """What the layer of that name makes, as a tensor of the model itself."""
    calls = {}
    for call in layer_calls(model):
        calls.setdefault(call.path, []).append(call)
    return seen_from_outside([find_only(calls, path)])[0]


def as_maps(output):
    """An output (batch, units) as maps (batch, 1, 1, units); maps as they are.

    `output`: array or tensor (batch, units) or (batch, height, width, channels).
    """
    return output if len(output.shape) == 4 else output[:, None, None, :]
