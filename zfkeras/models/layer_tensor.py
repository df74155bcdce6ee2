"""Which tensor of a model is meant by a layer's number or name."""

import keras

from zfkeras.errors import UsageError
from zfkeras.models.endpoints import endpoints, first_output


def layer_tensor(model: keras.Model, layer: int | str) -> tuple[str, keras.KerasTensor]:
    """Finds the output of a layer.

    Args:
        model: a functional or sequential model.
        layer: the paper's number (1 to 7) or the name of a layer; inside a nested model
            with that model's name before it, "backbone.conv1".

    Returns:
        The layer's name and its symbolic output, for a pool without its argmax.

    Raises:
        UsageError: there is no such layer, or its output is not (batch, height, width,
            channels) or (batch, units).
    """
    if isinstance(layer, int):
        found = endpoints(model)
        if layer not in found:
            raise UsageError(
                f"`layer` must be one of {sorted(found)}. Received: layer={layer}."
            )
        return found[layer].layer_name, found[layer].tensor
    tensor = _named(model, layer, layer)
    if len(tensor.shape) not in (2, 4) or tensor.shape[-1] is None:
        raise UsageError(
            "`layer` must give (batch, height, width, channels) or (batch, units). "
            f"Received: layer={layer!r} of shape {tensor.shape}."
        )
    return layer, tensor


def _named(model, name, whole):
    """The output of the layer of that name, of which `whole` is the full path."""
    try:
        return first_output(model.get_layer(name))
    except (ValueError, AttributeError) as err:
        # A layer's own name may have dots, so they are read only where they must be.
        for outer in model.layers:
            if isinstance(outer, keras.Model) and name.startswith(f"{outer.name}."):
                inner = _named(outer, name.removeprefix(f"{outer.name}."), whole)
                return _seen_from(model, outer, inner)
        names = ", ".join(known.name for known in model.layers)
        raise UsageError(
            f"`layer` must be a layer with one output: 1 to 7 or one of {names}. "
            f"Received: layer={whole!r}."
        ) from err


def _seen_from(model, nested, tensor):
    """A tensor inside a nested model, as a tensor of the model around it."""
    part = keras.Model(nested.inputs, tensor)
    found = []
    for node in nested._inbound_nodes:
        try:
            keras.Model(model.inputs, node.output_tensors)
        except ValueError:  # called elsewhere, such as on the inputs it was built with
            continue
        found.append(node)
    if len(found) != 1:
        raise UsageError(
            "`layer` must lie in a nested model that is called once. "
            f"Received: a layer of {nested.name!r}, called {len(found)} times."
        )
    return part(found[0].input_tensors)


def as_maps(output):
    """An output (batch, units) as maps (batch, 1, 1, units); maps as they are.

    Args:
        output: array or tensor (batch, units) or (batch, height, width, channels).
    """
    return output if len(output.shape) == 4 else output[:, None, None, :]
