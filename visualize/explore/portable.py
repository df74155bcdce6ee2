"""Writes a network as the page's own engine reads it (page/engine.js).

The engine knows chains of convolutions, max pools, LRN and dense layers: all that ZFNet
is made of.
"""

import base64
from collections.abc import Iterator

import keras
import numpy as np

from zfkeras.errors import UsageError
from zfkeras.graph.layer_graph import LayerGraph
from zfkeras.layers import LocalResponseNormalization
from zfkeras.models.classifier import Classifier

_SILENT = (keras.layers.InputLayer, keras.layers.Dropout, keras.layers.Flatten)


def portable(classifier: Classifier) -> dict:
    """Returns layers, weights and preprocessing as JSON values.

    Weights are float16, as preset files keep them.

    Raises:
        UsageError: a layer that the engine does not know, or a network that is no
            chain.
    """
    preprocessing = classifier.preprocessing
    height, width, channels = preprocessing.input_shape
    if channels != 3:
        raise _refusal("images of three channels", f"{channels}")
    return {
        "class_names": [*classifier.class_names],
        "image": [*preprocessing.image_shape[:2]],
        "input": [height, width],
        "mean": _encoded(preprocessing.mean_image, np.float32),
        "scale": np.broadcast_to(preprocessing.input_scale, 3).tolist(),
        "is_bgr": preprocessing.channel_order == "bgr",
        "layers": [*_layers(classifier.model)],
    }


def _layers(model: keras.Model) -> Iterator[dict]:
    """Describes the layers that compute, from the lowest on."""
    calls = LayerGraph(model).calls
    for before, call in zip([None, *calls], calls, strict=False):
        if before is not None and {*call.inputs} != {before.outputs[0]}:
            raise _refusal("a chain of layers", f"{call.path} with other inputs")
        layer = call.operation
        if isinstance(layer, _SILENT):
            continue
        yield {"name": call.path, **_described(layer, before.tensor, call.tensor)}


def _described(layer, below, above) -> dict:
    if isinstance(layer, keras.layers.Conv2D) and _is_plain(layer):
        return {
            "kind": "conv",
            **_windows(layer.kernel_size, layer, below, above),
            **_weights(layer),
            **_activation(layer, ("linear", "relu")),
        }
    if type(layer).__name__ in ("MaxPoolWithArgmax", "MaxPooling2D"):
        return {"kind": "pool", **_windows(layer.pool_size, layer, below, above)}
    if isinstance(layer, LocalResponseNormalization):
        names = ("depth_radius", "bias", "alpha", "beta")
        values = [layer.get_config()[name] for name in names]
        names = ("radius", "bias", "alpha", "beta")
        return {"kind": "lrn", **dict(zip(names, values, strict=True))}
    if type(layer) is keras.layers.Dense:
        return {
            "kind": "dense",
            **_weights(layer),
            **_activation(layer, ("linear", "relu", "softmax")),
        }
    raise _refusal("convolutions, max pools, LRN and dense layers", layer.name)


def _is_plain(layer) -> bool:
    return type(layer) is keras.layers.Conv2D and (
        layer.groups == 1 and {*layer.dilation_rate} == {1}
    )


def _windows(size, layer, below, above) -> dict:
    """Says which pixels each place reads; `padding` is that of top and left."""
    shape, strides = above.shape[1:3], layer.strides
    padding = [0, 0]
    if layer.padding == "same":
        sides = zip(shape, strides, size, below.shape[1:3], strict=True)
        padding = [max(0, (n - 1) * s + k - length) // 2 for n, s, k, length in sides]
    elif layer.padding != "valid":
        raise _refusal("the padding same or valid", f"{layer.name}, {layer.padding}")
    return {
        "size": [*size],
        "strides": [*strides],
        "padding": padding,
        "shape": [*shape],
    }


def _weights(layer) -> dict:
    kernel, *bias = layer.get_weights()
    bias = bias[0] if bias else np.zeros(kernel.shape[-1], np.float32)
    return {
        "kernel": _encoded(kernel, np.float16),
        "bias": _encoded(bias, np.float32),
    }


def _activation(layer, known) -> dict:
    name = keras.activations.serialize(layer.activation)
    if name not in known:
        raise _refusal(f"activations {', '.join(known)}", f"{layer.name}, {name}")
    return {} if name == "linear" else {name: True}


def _encoded(values, dtype) -> str:
    content = np.asarray(values).astype(np.dtype(dtype).newbyteorder("<")).tobytes()
    return base64.b64encode(content).decode()


def _refusal(expected, received) -> UsageError:
    return UsageError(
        argument="--export",
        expected=f"a network that the page's own engine knows: {expected}",
        received=received,
    )
