"""Which layers are meant: the paper's by number, any network's by name."""

import math
from collections.abc import Iterable, Sequence

import keras

from transfer.features.layer_order import in_order
from zfkeras.errors import UsageError
from zfkeras.graph.layer_graph import LayerGraph

# Table 7's rows; the paper has none for layer 6.
_TABLE_7 = {"svm": (1, 2, 3, 4, 5, 7), "softmax": (5, 7)}
#: Features beyond which a layer is not offered; ZFNet's first has 290,400.
MAX_FEATURES = 300_000
#: How many are offered, as many as the paper's layers.
MAX_STAGES = 7


def all_layers(model: keras.Model) -> list[int | str]:
    """Lists the paper's layers of a network, or else the last layer of each stage.

    In VGG a stage ends with a block's pool, in a residual network with its last sum;
    then the global pool, and each dense layer. The stage of the answer is none.
    """
    graph = LayerGraph(model)
    layers = [*graph.endpoints] or _stage_ends(graph)
    if not layers:
        raise UsageError(
            argument="--layer",
            expected="named for this network, which has neither the paper's layers nor "
            "stages to choose among",
            received=", ".join(layer.name for layer in model.layers[:9]),
        )
    return layers


def _stage_ends(graph):
    *stages, answer = graph.stages or [[]]
    stages.append([call for call in answer if len(call.tensor.shape) == 4])
    small = [
        stage[-1].path
        for stage in stages
        if stage and math.prod(stage[-1].tensor.shape[1:]) <= MAX_FEATURES
    ]
    return small[-MAX_STAGES:]


def standing_for(model: keras.Model, numbers: Sequence[int]) -> list[int | str]:
    """Finds the layers of a network that stand for some of the paper's layers."""
    graph = LayerGraph(model)
    if not graph.endpoints:
        return [graph.stand_in(number) for number in numbers]
    known = [number for number in numbers if number in graph.endpoints]
    return known or [max(graph.endpoints)]


def table_7(model: keras.Model) -> list[tuple[str, int | str]]:
    """The (head, layer) of Table 7's rows."""
    if LayerGraph(model).endpoints:
        layers = {head: standing_for(model, ns) for head, ns in _TABLE_7.items()}
    else:
        layers = {"svm": all_layers(model), "softmax": all_layers(model)[-2:]}
    return [(head, layer) for head, of in layers.items() for layer in of]


def layer_tensors(
    model: keras.Model, layers: Iterable[int | str]
) -> dict[int | str, keras.KerasTensor]:
    """The tensors of some layers, in the order of `in_order`, each of a fixed size."""
    tensors = LayerGraph(model).tensors(in_order(layers))
    for layer, tensor in tensors.items():
        if None in tensor.shape[1:]:
            raise UsageError(
                argument="layer",
                expected="a layer with features of a fixed number",
                received=f"{layer} of shape {tensor.shape}",
            )
    return tensors
