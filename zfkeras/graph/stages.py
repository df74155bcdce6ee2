"""The stages of a network whose layers are not the paper's, read from its graph.

It computes nothing, and knows nothing of what the stages are wanted for.
"""

import collections
from collections.abc import Iterator

import keras

from zfkeras.errors import UsageError
from zfkeras.graph.kinds import Role, has_filters, role_of
from zfkeras.graph.layer_calls import calls_in_order, is_graph, layer_calls


def stages(model: keras.Model) -> list[list[tuple[str, tuple[int | None, ...]]]]:
    """The layers of each stage of a network, lowest first.

    Convolutions whose maps are of one size are a stage, with the pools, sums and other
    layers behind them; a global pool and each dense layer are stages of their own. Only
    layers count that nothing goes past, so that a stage ends with its pool in VGG, with
    its last sum in a residual network. What comes before the first convolution is none.
    """
    found, size = [], None
    for name, operation, shape, has_learnt in _passages(model):
        here = shape[1:-1]
        if role_of(operation) is Role.GLOBAL_POOL or (
            has_learnt and (here != size or not here)
        ):
            found.append([])
            size = here
        if found:
            found[-1].append((name, shape))
    return found


def _passages(model) -> Iterator[tuple[str, object, tuple, bool]]:
    """Where all passes through: (name, operation, shape, whether there is a kernel).

    The kernel is of the operation, or of one since the passage before.
    """
    try:
        calls = collections.Counter(call.path for call in layer_calls(model))
    except UsageError:  # no graph to read
        return
    has_learnt = False
    for name, operation, tensor, is_passage in _operations(model, ""):
        has_learnt = has_learnt or has_filters(operation)
        shape = tuple(tensor.shape)
        is_vector_or_maps = len(shape) in (2, 4) and None not in shape[1:]
        hands_on = role_of(operation) in (Role.ARRANGEMENT, Role.SILENT)
        if hands_on or not is_vector_or_maps:
            continue
        if is_passage and calls[name] == 1:
            yield name, operation, shape, has_learnt
            has_learnt = False


def _operations(model, prefix) -> Iterator[tuple[str, object, keras.KerasTensor, bool]]:
    """The operations in order: name, operation, output, whether all passes through it.

    Of a nested model that all passes through, those inside.
    """
    order = calls_in_order(model)
    uses = collections.Counter(id(t) for _, node in order for t in node.input_tensors)
    uses.update(id(tensor) for tensor in model.outputs)
    awaited = {id(image) for image in model.inputs}
    for operation, node in order:
        for tensor in node.input_tensors:
            uses[id(tensor)] -= 1
            if not uses[id(tensor)]:
                awaited.discard(id(tensor))
        is_passage = not awaited  # nothing else is still to be read
        awaited |= {id(tensor) for tensor in node.output_tensors if uses[id(tensor)]}
        name = f"{prefix}{operation.name}"
        if is_passage and is_graph(operation):
            yield from _operations(operation, f"{name}.")
        else:
            yield name, operation, node.output_tensors[0], is_passage
