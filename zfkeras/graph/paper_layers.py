"""Finds layers that stand for the paper's in other networks."""

from collections import Counter

import keras

from visualize.figures.filters.statistics import convolutions
from zfkeras.errors import UsageError
from zfkeras.graph.endpoints import endpoints
from zfkeras.graph.kinds import Role, role_of
from zfkeras.graph.layer_calls import layer_calls
from zfkeras.graph.layer_tensor import layer_tensor
from zfkeras.graph.stages import stages

MOST_LAYERS = 5  # as many as Fig. 2 shows


def paper_layer(model: keras.Model, number: int) -> int | str:
    """Returns a layer that stands for the paper's layer 1, 5 or 7."""
    try:
        if number in endpoints(model):
            return number
    except UsageError:
        pass
    calls = [
        call
        for call in layer_calls(model)
        if not isinstance(call.operation, (keras.Model, keras.layers.InputLayer))
        and role_of(call.operation) is not Role.SILENT
    ]
    count = Counter(call.path for call in calls)
    once = [call for call in calls if count[call.path] == 1]
    maps = [call.path for call in once if len(call.tensor.shape) == 4]
    vectors = [
        call.path
        for call in once
        if call is not calls[-1] and len(call.tensor.shape) == 2
    ]
    filters = [path for path, _ in convolutions(model) if path in maps]
    found = {1: filters[:1] or maps[:1], 5: maps[-1:], 7: vectors[-1:]}[number]
    if not found:
        raise UsageError(
            f"the model has nothing like the paper's layer {number}; name a layer, "
            f"such as {', '.join(call.path for call in calls[-5:])}."
        )
    return found[0]


def usual_layers(model: keras.Model) -> list[int | str]:
    """Returns the default layers: 1 to 5, or the last maps of five stages."""
    try:
        return [number for number in endpoints(model) if number <= MOST_LAYERS]
    except UsageError:
        pass
    ends = []
    for stage in stages(model):
        maps = [name for name, (_, *sizes) in stage if max(sizes[:-1], default=1) > 1]
        ends += maps[-1:]
    if ends:
        return ends[-MOST_LAYERS:]
    return [*dict.fromkeys(paper_layer(model, number) for number in (1, 5))]


def layer_heading(model: keras.Model, layer: int | str) -> str:
    """Names a layer in pictures: "layer 5 (pool5)", or its name alone."""
    name, _ = layer_tensor(model, layer)
    return f"layer {layer} ({name})" if isinstance(layer, int) else name
