"""Which layers are meant: the paper's by number, any network's by name."""

import math
from collections.abc import Iterable, Sequence

import keras

from transfer.experiments.arguments import in_order
from transfer.experiments.stages import stage_ends
from zfkeras.errors import UsageError
from zfkeras.graph.endpoints import endpoints
from zfkeras.graph.layer_calls import find_only, layer_calls, seen_from_outside

# Table 7's rows; the paper has none for layer 6.
_TABLE_7 = {"svm": (1, 2, 3, 4, 5, 7), "softmax": (5, 7)}


def paper_layers(model: keras.Model) -> list[int]:
    """The paper's numbers that a network has, lowest first; none of another network."""
    try:
        return [*endpoints(model)]
    except UsageError:
        return []


def all_layers(model: keras.Model) -> list[int | str]:
    """Lists the paper's layers of a network, or else the last layer of each stage."""
    layers = paper_layers(model) or stage_ends(model)
    if not layers:
        raise UsageError(
            "--layer must name layers of this network: it has neither the paper's nor "
            f"stages to choose among. Received: {_names(model)}."
        )
    return layers


def standing_for(model: keras.Model, numbers: Sequence[int]) -> list[int | str]:
    """Finds the layers of a network that correspond to some of the paper's layers."""
    known = all_layers(model)
    if paper_layers(model):
        return [number for number in numbers if number in known] or known[-1:]
    return known[-len(numbers) :]


def table_7(model: keras.Model) -> list[tuple[str, int | str]]:
    """The (head, layer) of Table 7's rows."""
    if paper_layers(model):
        layers = {head: standing_for(model, ns) for head, ns in _TABLE_7.items()}
    else:
        layers = {"svm": all_layers(model), "softmax": all_layers(model)[-2:]}
    return [(head, layer) for head, of in layers.items() for layer in of]


def layer_tensors(
    model: keras.Model, layers: Iterable[int | str]
) -> dict[int | str, keras.KerasTensor]:
    """The tensors of some layers, in the order of `in_order`.

    Layers inside one nested model come out of one call of it.
    """
    layers = in_order(layers)
    tensors = _of_numbers(model, [layer for layer in layers if isinstance(layer, int)])
    tensors |= _of_names(model, [layer for layer in layers if isinstance(layer, str)])
    return {layer: tensors[layer] for layer in layers}


def layer_sizes(
    model: keras.Model, layers: Iterable[int | str]
) -> dict[int | str, int]:
    """The number of features of some layers."""
    tensors = layer_tensors(model, layers)
    return {layer: math.prod(tensor.shape[1:]) for layer, tensor in tensors.items()}


def _of_numbers(model, numbers):
    """The tensors of the paper's layers."""
    known = endpoints(model) if numbers and paper_layers(model) else {}
    for number in numbers:
        if not known:
            names = ", ".join(stage_ends(model)) or _names(model)
            raise UsageError(
                "--layer must name layers of this network, such as those of "
                f"{names}: it does not have the paper's. Received: {number}."
            )
        if number not in known:
            raise UsageError(
                f"--layer must be one of {', '.join(map(str, known))} for this "
                f"network, or the name of a layer. Received: {number}."
            )
    return {number: known[number].tensor for number in numbers}


def _of_names(model, names):
    """The tensors of named layers, those of nested models seen from outside."""
    calls = {}
    for call in layer_calls(model) if names else ():
        calls.setdefault(call.path, []).append(call)
    groups = {}
    for name in names:
        try:
            call = find_only(calls, name)
        except UsageError as err:
            raise UsageError(f"--layer: {err}") from err
        shape = tuple(call.tensor.shape)
        if len(shape) not in (2, 4) or None in shape[1:]:
            raise UsageError(
                "--layer must give (batch, height, width, channels) or (batch, units), "
                f"features of a fixed number. Received: {name!r} of shape {shape}."
            )
        around = tuple(id(node) for _, node in call.around)
        groups.setdefault(around, {})[name] = call
    tensors = {}
    for group in groups.values():
        tensors |= zip(group, seen_from_outside([*group.values()]), strict=True)
    return tensors


def _names(model) -> str:
    names = [layer.name for layer in model.layers]
    return ", ".join(names if len(names) <= 9 else [*names[:4], "...", *names[-4:]])
