"""Layers worth a head in a network whose layers are not the paper's.

It reads the graph and computes nothing.
"""

import collections
import math
from collections.abc import Iterator

import keras

from zfkeras.errors import UsageError
from zfkeras.models.layer_calls import calls_in_order, is_graph, layer_calls

#: Features beyond which a layer is not offered; ZFNet's first has 290,400.
MAX_FEATURES = 300_000
#: How many are offered, as many as the paper's layers.
MAX_STAGES = 7

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


def stage_ends(model: keras.Model) -> list[str]:
    """The last layer of each stage of a network, lowest first.

    Convolutions whose maps are of one size are a stage, with the pools, sums and other
    layers behind them; a global pool and each dense layer are stages of their own. A
    stage ends with the last of its layers that nothing goes past: in VGG its pool, in
    a residual network its last sum. The stage of the answer is none.

    Args:
        model: a functional or sequential model, with models in it or without.

    Returns:
        Names as `layer_tensor` takes them, the last seven at most; those of more than
        300,000 features are left out. Empty for networks of other kinds.
    """
    stages, size = [], None
    for name, operation, shape, has_learnt in _passages(model):
        here = shape[1:-1]
        if isinstance(operation, _GLOBAL_POOLS) or (
            has_learnt and (here != size or not here)
        ):
            stages.append([])
            size = here
        if stages:
            stages[-1].append((name, shape))
    if stages:  # the answer's
        stages[-1] = [end for end in stages[-1] if len(end[1]) == 4]
    ends = [stage[-1] for stage in stages if stage]
    small = [name for name, shape in ends if math.prod(shape[1:]) <= MAX_FEATURES]
    return small[-MAX_STAGES:]


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
