"""The stages of a network whose layers are not the paper's, read from its graph.

It computes nothing, and knows nothing of what the stages are wanted for.
"""

import collections
from collections.abc import Iterator

import keras

from zfkeras.errors import UsageError
from zfkeras.graph.layer_calls import calls_in_order, is_graph, layer_calls

_GLOBAL_POOLS = (
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
)
# What hands on the same numbers, at least once the network is trained.
_IDENTITIES = (
    keras.layers.Dropout,
    keras.layers.SpatialDropout2D,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.AlphaDropout,
    keras.layers.Flatten,
    keras.layers.Reshape,
    keras.layers.ZeroPadding2D,
    keras.layers.Cropping2D,
)


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
        if isinstance(operation, _GLOBAL_POOLS) or (
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
        has_learnt = has_learnt or _has_kernel(operation)
        shape = tuple(tensor.shape)
        is_vector_or_maps = len(shape) in (2, 4) and None not in shape[1:]
        if isinstance(operation, _IDENTITIES) or not is_vector_or_maps:
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


def _has_kernel(operation) -> bool:
    if isinstance(operation, keras.Model):
        return bool(operation.weights)
    return any(hasattr(operation, name) for name in ("kernel", "depthwise_kernel"))
