"""Former names of methods of `LayerGraph`."""

from zfkeras.graph.layer_graph import LayerGraph


def paper_layer(model, number):
    """Returns the layer that stands for the paper's layer 1, 5 or 7."""
    return LayerGraph(model).stand_in(number)


def usual_layers(model):
    """Returns the paper's layers 1 to 5, or the last maps of five stages."""
    return LayerGraph(model).usual_layers()


def layer_heading(model, layer):
    """Names a layer in pictures."""
    return LayerGraph(model).heading(layer)
