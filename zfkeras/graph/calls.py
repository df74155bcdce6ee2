"""The calls of a model's layers in the order they run, nested models taken apart.

It runs nothing and computes nothing.
"""

import collections
import dataclasses
import functools
import itertools
from collections.abc import Sequence
from typing import Any

import keras


@dataclasses.dataclass(frozen=True, eq=False)
class LayerCall:
    """A layer, an operation, a nested model or an input at one place of a model.

    Args:
        path: its name with those of the models around it, "resnet50.conv1_conv"; of a
            layer that a model calls several times "conv@1", "conv@2", as they run.
        operation: what is called.
        node: Keras's record of the call.
        inputs: numbers of the tensors it reads; an input reads none.
        outputs: numbers of the tensors it makes. The model's first input has 0.
        around: (model, node) of the calls of the nested models around it.
    """

    path: str
    operation: Any
    node: object
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    around: tuple = ()

    @property
    def tensor(self) -> keras.KerasTensor:
        """Its first output: of a pool with its argmax, the maps."""
        return self.node.output_tensors[0]

    @property
    def input_shapes(self) -> tuple:
        """Shape of each tensor it reads, without the batch axis."""
        return tuple(tuple(tensor.shape[1:]) for tensor in self.node.input_tensors)

    @property
    def is_input(self) -> bool:
        """Tells whether the call is an input of the model or of a nested model."""
        return not self.inputs

    @property
    def runs(self) -> bool:
        """Whether it computes something itself, as inputs and nested models do not."""
        return not (self.is_input or is_graph(self.operation))


def model_of(model) -> Any:
    """Returns the Keras model that a `zfkeras.Classifier` holds; others as they are."""
    is_model = isinstance(model, keras.Model)
    return model if is_model else getattr(model, "model", model)


def calls_between(
    inputs: Sequence[keras.KerasTensor], outputs: Sequence[keras.KerasTensor]
) -> tuple[list[LayerCall], tuple[int, ...]]:
    """Lists the inputs and all calls that some outputs depend on.

    Returns:
        The calls, each behind those it reads; the numbers of `outputs`.
    """
    calls = []
    numbers = itertools.count(len(inputs))
    made = _append(calls, numbers, inputs, outputs, range(len(inputs)), "", ())
    return calls, made


def is_graph(operation) -> bool:
    """Says whether it is a model whose `call` runs the graph that `outputs` shows."""
    if not isinstance(operation, keras.Model) or not getattr(operation, "inputs", None):
        return False
    return type(operation).call in (_functional_call(), keras.Sequential.call)


@functools.cache
def _functional_call():
    image = keras.Input((1,))
    return type(keras.Model(image, image)).call


def _append(calls, numbers, inputs, outputs, given, prefix, around):
    """Appends the calls between tensors; returns the numbers of `outputs`."""
    known = dict(zip(map(id, inputs), given, strict=True))
    for image in inputs:
        operation, index, _ = image._keras_history
        node, path = operation._inbound_nodes[index], f"{prefix}{operation.name}"
        calls.append(LayerCall(path, operation, node, (), (known[id(image)],), around))
    order = _in_order(inputs, outputs)
    total = collections.Counter(operation.name for operation, _ in order)
    so_far = collections.Counter()
    for operation, node in order:
        sources = tuple(known[id(tensor)] for tensor in node.input_tensors)
        path = f"{prefix}{operation.name}"
        if total[operation.name] > 1:
            so_far[operation.name] += 1
            path += f"@{so_far[operation.name]}"
        if is_graph(operation):
            inside = (f"{path}.", (*around, (operation, node)))
            made = _append(
                calls, numbers, operation.inputs, operation.outputs, sources, *inside
            )
        else:
            made = tuple(itertools.islice(numbers, len(node.output_tensors)))
        calls.append(LayerCall(path, operation, node, sources, made, around))
        known |= zip(map(id, node.output_tensors), made, strict=True)
    return tuple(known[id(tensor)] for tensor in outputs)


def _in_order(inputs, outputs):
    """Lists (operation, node) of all calls between tensors in the order they run."""
    done = {id(tensor) for tensor in inputs}
    order, pending = [], [*reversed(outputs)]
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
