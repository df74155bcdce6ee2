"""The forward pass of a network up to some of its layers, compiled."""

from collections.abc import Callable, Iterable

import keras
import numpy as np

from zfkeras.errors import UsageError
from zfkeras.graph.layer_graph import LayerGraph


def compile_outputs(
    model: keras.Model, tensors: Iterable[keras.KerasTensor]
) -> Callable[[np.ndarray], list]:
    """Compiles the part of a network that some of its tensors need.

    Returns a function from prepared images (batch, height, width, channels) to the
    values of the tensors, in inference mode: arrays, or tensors of TensorFlow.
    """
    network = keras.Model(model.inputs[0], list(tensors))
    if keras.backend.backend() != "tensorflow":
        return lambda images: keras.tree.flatten(network.predict_on_batch(images))
    import tensorflow as tf

    def outputs(images):
        # Keras returns the value of a single tensor without its list.
        return keras.tree.flatten(network(images, training=False))

    # Traced here: of several layers' functions, traced at their first calls,
    # TensorFlow warns as of one that is traced too often.
    images = tf.TensorSpec((None, *model.inputs[0].shape[1:]), tf.float32)
    return tf.function(outputs, [images], autograph=False).get_concrete_function()


def compile_layer(
    model: keras.Model, layer: int | str
) -> tuple[tuple[int, ...], Callable[[np.ndarray], np.ndarray]]:
    """Compiles a network up to a layer.

    Returns the shape of the layer's output for one image, and a function from prepared
    images (batch, height, width, channels) to the output as a float32 array.
    """
    tensor = LayerGraph(model).tensor(layer)
    shape = tuple(tensor.shape[1:])
    if None in shape:
        raise UsageError(
            argument="layer",
            expected="a layer with an output of a fixed size",
            received=f"{layer} of shape {shape}",
        )
    outputs = compile_outputs(model, [tensor])
    return shape, lambda images: np.asarray(outputs(images)[0]).astype(np.float32)


def as_maps(output):
    """Returns an output (batch, units) as maps (batch, 1, 1, units); maps as they are.

    `output`: array or tensor (batch, units) or (batch, height, width, channels).
    """
    return output if len(output.shape) == 4 else output[:, None, None, :]
