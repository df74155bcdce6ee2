"""Former names of methods of `LayerGraph`."""

from zfkeras.graph.layer_graph import LayerGraph
from zfkeras.graph.layer_outputs import as_maps

__all__ = ["as_maps", "layer_tensor", "lowest_first"]


def layer_tensor(model, layer):
    """Returns the name and the output of a layer."""
    graph = LayerGraph(model)
    return graph.path(layer), graph.tensor(layer)


def lowest_first(model, layers):
    """Sorts layers in the order they run."""
    return LayerGraph(model).lowest_first(layers)
