"""A classifier as an ONNX graph of standard operations, preprocessing included.

The graph takes square RGB images of 0-255; what makes an image square stays outside,
since ONNX's resize is not Pillow's.
"""

import json
from importlib import metadata

import keras
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from zfkeras.conversion.onnx.nodes import CARD
from zfkeras.conversion.onnx.reader import Taps
from zfkeras.errors import UsageError
from zfkeras.layers import LocalResponseNormalization, MaxPoolWithArgmax
from zfkeras.layers.switches import Axis
from zfkeras.models.classifier import Classifier

# From 13 on softmax means what it means everywhere; all that is newer adds nothing.
_OPSET, _IR_VERSION = 13, 8


def write_graph(classifier: Classifier) -> Taps:
    """Writes a classifier as an ONNX model.

    Its input is float32 (batch, 3, image_size, image_size), RGB of 0-255; its output
    "probabilities" is (batch, classes). Preprocessing is part of the graph.
    """
    graph = _Graph(classifier)
    graph.add_preprocessing()
    for layer in _chain(classifier.model):
        graph.add_layer(layer)
    return graph.finished()


def _chain(model: keras.Model):
    """Yields the layers in order, each of which must read the one before."""
    tensor = model.inputs[0]
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        if layer.input is not tensor:
            raise UsageError(f"the network must be a chain; {layer.name} branches off.")
        yield layer
        output = layer.output
        tensor = output[0] if isinstance(output, (list, tuple)) else output
    if tensor is not model.outputs[0]:
        raise UsageError("the network must be a chain that ends in its output.")


class _Graph:
    def __init__(self, classifier):
        self.classifier = classifier
        self.nodes, self.weights = [], []
        self.tensor = "images"
        self.zeros = ((0, 0), (0, 0))
        self.flattened = None
        self.crops = self.logits = None

    def add_preprocessing(self):
        prepared = self.classifier.preprocessing
        shapes = (prepared.image_shape, prepared.input_shape)
        is_square = all(shape == (shape[0], shape[0], 3) for shape in shapes)
        is_plain = prepared.channel_order == "rgb" and not np.ndim(prepared.input_scale)
        if not (is_square and is_plain):
            raise UsageError(
                argument="the network",
                received=f"input {prepared.input_shape}, {prepared.channel_order}, "
                f"scale {prepared.input_scale}",
                expected="one of square RGB images with one scale for all channels",
            )
        mean = prepared.mean_image.transpose(2, 0, 1)[None]
        self._node("Sub", "centred", mean_image=mean)
        if prepared.input_scale != 1:
            self._node("Mul", "scaled", input_scale=np.float32(prepared.input_scale))
        start = (prepared.image_size - prepared.crop_size) // 2
        stop = start + prepared.crop_size
        self._node(
            "Slice",
            "crops",
            crop_starts=np.array([start, start]),
            crop_ends=np.array([stop, stop]),
            crop_axes=np.array([2, 3]),
        )
        self.crops = self.tensor

    def add_layer(self, layer):
        match layer:
            case keras.layers.ZeroPadding2D() if not any(map(any, self.zeros)):
                self.zeros = layer.padding
            case keras.layers.Conv2D() if type(layer) is keras.layers.Conv2D:
                self._convolution(layer)
            case MaxPoolWithArgmax():
                self._pool(layer)
            case LocalResponseNormalization():
                self._norm(layer)
            case keras.layers.Flatten():
                self.flattened = layer.input.shape[1:]
                self._node("Flatten", layer.name, axis=1)
            case keras.layers.Dense():
                self._dense(layer)
            case keras.layers.Dropout():
                pass
            case _:
                kind = type(layer).__name__
                raise UsageError(f"{layer.name} is a {kind}, which is not exported.")

    def _convolution(self, layer):
        if layer.data_format != "channels_last" or layer.dilation_rate != (1, 1):
            raise UsageError(
                f"{layer.name} must not be dilated, and have channels last."
            )
        kernel, bias = _weights(layer)
        self._node(
            "Conv",
            layer.name,
            kernel.transpose(3, 2, 0, 1),
            bias,
            kernel_shape=layer.kernel_size,
            strides=layer.strides,
            pads=self._pads(layer, layer.kernel_size),
            group=layer.groups,
        )
        self._activation(layer, {"relu": "Relu"})

    def _pool(self, layer):
        windows = layer.windows
        if any(map(any, self.zeros)) and not self._behind_relu():
            raise UsageError(
                f"{layer.name} must follow a ReLU: zeros as padding change the maxima "
                "of negative numbers."
            )
        self._node(
            "MaxPool",
            layer.name,
            kernel_shape=windows.pool_size,
            strides=windows.strides,
            pads=self._pads(layer, windows.pool_size, windows),
        )

    def _behind_relu(self):
        """Returns whether the maps are never below 0, so that no zero wins."""
        kinds = [node.op_type for node in self.nodes]
        return [kind for kind in kinds if kind not in ("LRN", "MaxPool")][-1] == "Relu"

    def _norm(self, layer):
        size = 2 * layer.depth_radius + 1
        self._node(
            "LRN",
            layer.name,
            size=size,
            alpha=layer.alpha * size,  # ONNX divides it by the size
            beta=layer.beta,
            bias=layer.bias,
        )

    def _dense(self, layer):
        kernel, bias = _weights(layer)
        if self.flattened is not None:
            rows = np.arange(len(kernel)).reshape(self.flattened)
            kernel = kernel[rows.transpose(2, 0, 1).ravel()]
            self.flattened = None
        self._node("Gemm", layer.name, kernel.T, bias, transB=1)
        self.logits = self.tensor
        self._activation(layer, {"relu": "Relu", "softmax": "Softmax"})

    def _activation(self, layer, known):
        name = keras.activations.serialize(layer.activation)
        if name != "linear":
            if name not in [*known]:  # a layer's settings are no key of a dict
                raise UsageError(f"{layer.name} must have one of {sorted(known)}.")
            self._node(known[name], f"{layer.name}_{name}")

    def _pads(self, layer, window, windows=None):
        """ONNX's pads: top, left, bottom, right, with the zeros of a layer before."""
        befores, afters = [], []
        strides = layer.strides if windows is None else windows.strides
        padding = layer.padding if windows is None else windows.padding
        for i in range(2):
            axis = Axis(window[i], strides[i], padding)
            length = layer.input.shape[1 + i]
            before = axis.before(length)
            covered = (axis.output(length) - 1) * strides[i] + window[i]
            befores.append(before + self.zeros[i][0])
            after = max(covered - length - before, 0)
            afters.append(after + self.zeros[i][1])
        self.zeros = ((0, 0), (0, 0))
        return [*befores, *afters]

    def _node(self, kind, name, *weights, **named):
        """Adds a node that reads the last tensor; arrays become its further inputs."""
        arrays = {f"{name}_{'wb'[i]}": array for i, array in enumerate(weights)}
        arrays |= {
            key: value
            for key, value in named.items()
            if isinstance(value, np.ndarray | np.generic)
        }
        attributes = {key: value for key, value in named.items() if key not in arrays}
        for key, array in arrays.items():
            contiguous = np.ascontiguousarray(array).reshape(np.shape(array))
            self.weights.append(numpy_helper.from_array(contiguous, key))
        inputs = [self.tensor, *arrays]
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        self.tensor = name

    def finished(self) -> Taps:
        classifier = self.classifier
        size = classifier.preprocessing.image_size
        shape = ["batch", 3, size, size]
        classes = ["batch", len(classifier.class_names)]
        self.nodes[-1].output[0] = "probabilities"
        if self.logits == self.tensor:
            raise UsageError("the network must end in a softmax.")
        graph = helper.make_graph(
            self.nodes,
            classifier.model.name,
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
            [
                helper.make_tensor_value_info(
                    "probabilities", TensorProto.FLOAT, classes
                )
            ],
            self.weights,
            doc_string=(
                f"RGB images of 0-255: the shorter side scaled to {size} pixels, the "
                "centre square cut out. The mean image and the crop are in the graph."
            ),
        )
        model = helper.make_model(
            graph,
            producer_name="zfkeras",
            producer_version=metadata.version("zfkeras"),
            ir_version=_IR_VERSION,
            opset_imports=[helper.make_opsetid("", _OPSET)],
        )
        card = {
            "channels": "rgb",
            "class_names": list(classifier.class_names),
            "made": dict(classifier.made),
        }
        helper.set_model_props(model, {CARD: json.dumps(card)})
        onnx.checker.check_model(model, full_check=True)
        return Taps(model, "images", self.crops, self.logits)


def _weights(layer):
    kernel = np.asarray(layer.kernel, np.float32)
    if layer.bias is None:
        return kernel, np.zeros(kernel.shape[-1], np.float32)
    return kernel, np.asarray(layer.bias, np.float32)
