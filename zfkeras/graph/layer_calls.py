"""The calls of a model's layers by their dotted names, nested models taken apart.

It runs nothing and computes nothing.
"""

import dataclasses
import difflib
import functools
from collections.abc import Mapping, Sequence

import keras

from zfkeras.errors import UsageError

_SHOWN = 8  # names in a message, the likeliest first


@dataclasses.dataclass(frozen=True, eq=False)
class LayerCall:
    """A layer, an operation, a nested model or an input at one place of a model."""

    path: str
    operation: object
    tensor: keras.KerasTensor
    around: tuple = ()


def layer_calls(model: keras.Model) -> list[LayerCall]:
    """Lists the inputs and all calls of a model, in the order they run.

    A nested model stands behind the calls inside it.
    """
    if not is_graph(model):
        raise UsageError(
            "`model` must be a built functional or sequential Keras model. "
            f"Received: {type(model).__name__}."
        )
    return _calls(model, "", ())


def seen_from_outside(calls: Sequence[LayerCall]) -> list[keras.KerasTensor]:
    """The tensors of calls as tensors of the outermost model, which may output them."""
    tensors = [call.tensor for call in calls]
    for nested, node in reversed(calls[0].around):
        found = keras.Model(nested.inputs, tensors)(node.input_tensors)
        tensors = found if isinstance(found, (list, tuple)) else [found]
    return tensors


def find_only(paths: Mapping[str, Sequence], path: str):
    """What stands for a layer that is called at one place."""
    if path not in paths:
        near = [known for known in paths if known.endswith(f".{path}")]
        near += difflib.get_close_matches(path, paths, n=5, cutoff=0.3)
        shown = [*dict.fromkeys([*near, *paths])][:_SHOWN]
        raise UsageError(
            "`layer` must be a layer of the model, nested ones with dots; such as "
            f"{', '.join(shown)}. Received: layer={path!r}."
        )
    if len(paths[path]) > 1:
        raise UsageError(
            "`layer` must be called at one place of the model. "
            f"Received: layer={path!r}, called at {len(paths[path])}."
        )
    return paths[path][0]


def calls_in_order(model: keras.Model) -> list[tuple]:
    """(operation, node) of every call inside a model, each after what it reads."""
    done = {id(image) for image in model.inputs}
    order, pending = [], [*reversed(model.outputs)]
    while pending:  # Not recursion: deep networks have a thousand layers.
        tensor = pending[-1]
        if id(tensor) in done:
            pending.pop()
            continue
        operation, node_index, _ = tensor._keras_history
        node = operation._inbound_nodes[node_index]
        missing = [t for t in node.input_tensors if id(t) not in done]
        if missing:
            pending.extend(reversed(missing))
            continue
        done |= {id(output) for output in node.output_tensors}
        order.append((operation, node))
    return order


def is_graph(operation) -> bool:
    """Whether it is a model whose `call` runs the graph that `outputs` shows."""
    if not isinstance(operation, keras.Model) or not getattr(operation, "inputs", None):
        return False
    return type(operation).call in (_functional_call(), keras.Sequential.call)


@functools.cache
def _functional_call():
    image = keras.Input((1,))
    return type(keras.Model(image, image)).call


def _calls(model, prefix, around) -> list[LayerCall]:
    found = [
        LayerCall(f"{prefix}{operation.name}", operation, image, around)
        for image in model.inputs
        for operation in [image._keras_history.operation]
    ]
    for operation, node in calls_in_order(model):
        path = f"{prefix}{operation.name}"
        if is_graph(operation):
            found += _calls(operation, f"{path}.", (*around, (operation, node)))
        found.append(LayerCall(path, operation, node.output_tensors[0], around))
    return found
