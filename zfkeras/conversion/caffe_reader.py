"""From Caffe's .caffemodel, alone or with a .prototxt, to the chain it is.

No Caffe, no protoc, no pickle: the file is read by wire.py. Where a .prototxt is given
it says what the layers are, and the .caffemodel has their weights by name, as in Caffe.
"""

from pathlib import Path

import numpy as np

from zfkeras.conversion import network as foreign
from zfkeras.conversion import prototxt, wire
from zfkeras.conversion.caffe_fields import (
    all_of,
    array_of,
    choice_of,
    input_shape_of,
    kind_of,
    layers_of,
    one,
    size_of,
    where_of,
)
from zfkeras.conversion.caffe_schema import BLOB, NET
from zfkeras.errors import UsageError

_DATA = ("Data", "Input", "ImageData", "MemoryData", "DummyData", "HDF5Data")
_DATA = (*_DATA, "WindowData")
# What fields of the wrong kind or number lead to.
_DAMAGE = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError)
_PASSED_OVER = ("Accuracy", "Silence")


def read_caffe(path: Path, prototxt_path: Path | None = None) -> foreign.Network:
    """Reads a ZFNet-like network of Caffe.

    Args:
        path: the .caffemodel.
        prototxt_path: of the deployed network. `None` (default): the .caffemodel has
            the layers, too.

    Returns:
        The network; its channels are in Caffe's order, BGR.

    Raises:
        FileNotFoundError: no such file.
        UsageError: no such network; the message names the layer.
    """
    path = Path(path)
    trained = _binary(path, NET, ".caffemodel")
    described = trained if prototxt_path is None else _text(Path(prototxt_path))
    where = path if prototxt_path is None else prototxt_path
    try:
        return _Reader(described, trained).read(path.stem)
    except UsageError as err:
        raise UsageError(f"{where}: {err}") from err
    except _DAMAGE as err:
        raise UsageError(f"{where} is damaged ({type(err).__name__}: {err}).") from err


def read_mean(path: Path) -> np.ndarray:
    """Reads a mean image, .binaryproto or .npy.

    Args:
        path: the file, as Caffe's compute_image_mean or its Python examples write it.

    Returns:
        float32 array (3, height, width), or (3,), channels in the file's order.

    Raises:
        FileNotFoundError: no such file.
        UsageError: the file is no mean image.
    """
    path = Path(path)
    if path.suffix == ".npy":
        if not path.is_file():
            raise FileNotFoundError(f"no mean image at {path}")
        try:
            mean = np.load(path, allow_pickle=False)
        except (ValueError, EOFError, OSError) as err:
            raise UsageError(f"{path} is not a .npy file, or is cut short.") from err
    else:
        blob = _binary(path, BLOB, ".binaryproto")
        try:
            mean = array_of(blob)
        except UsageError as err:
            raise UsageError(f"{path}: {err}") from err
        mean = mean.reshape(mean.shape[-3:])
    if mean.dtype.kind not in "fiu" or mean.ndim not in (1, 3) or len(mean) != 3:
        raise UsageError(
            f"{path} must hold a mean (3, height, width). Received: {mean.shape}."
        )
    return mean.astype(np.float32)


def _binary(path, schema, kind) -> wire.Message:
    if not path.is_file():
        raise FileNotFoundError(f"no {kind} file at {path}")
    try:
        message = wire.decode(path.read_bytes(), schema)
    except wire.Malformed as err:
        raise UsageError(f"{path} is not a {kind}, or is cut short ({err}).") from err
    if not message:
        raise UsageError(f"{path} is not a {kind}, or is empty.")
    return message


def _text(path) -> wire.Message:
    if not path.is_file():
        raise FileNotFoundError(f"no .prototxt file at {path}")
    try:
        return prototxt.parse(path.read_text(encoding="utf-8"))
    except (wire.Malformed, UnicodeDecodeError) as err:
        raise UsageError(f"{path} is not a .prototxt ({err}).") from err


class _Reader:
    def __init__(self, described, trained):
        self.net = described
        self.blobs = {
            one(layer, "name", ""): layer["blobs"]
            for layer in layers_of(trained)
            if layer.get("blobs")
        }
        self.operations = []
        self.transform = {}
        self.input_shape = input_shape_of(described)

    def read(self, name) -> foreign.Network:
        tensor, aliases = None, {}
        for layer in layers_of(self.net):
            kind, where = kind_of(layer), where_of(layer)
            if kind in _DATA:
                self._data(layer)
            elif kind == "Split":
                bottom = aliases.get(_first(layer, "bottom"), _first(layer, "bottom"))
                aliases |= dict.fromkeys(layer.get("top", ()), bottom)
            elif kind not in _PASSED_OVER:
                bottom = _first(layer, "bottom")
                bottom = aliases.get(bottom, bottom)
                if tensor not in (None, bottom):
                    raise UsageError(
                        f"{where} reads {bottom!r}, not {tensor!r}: no chain"
                    )
                self._operation(layer, kind, where)
                tensor = _first(layer, "top") or bottom
        return self._network(name)

    def _operation(self, layer, kind, where):
        handler = getattr(self, f"on_{kind.lower()}", None)
        if handler is None:
            raise UsageError(f"{where} is no layer of a ZFNet-like network")
        handler(layer, where)

    def _network(self, name) -> foreign.Network:
        shape, transform = self.input_shape, self.transform
        crop_size = one(transform, "crop_size", None) or None
        if shape is not None:
            if len(shape) != 4 or shape[1] != 3 or shape[2] != shape[3]:
                raise UsageError(
                    f"the input must be (batch, 3, side, side). Received: {shape}"
                )
            crop_size = shape[2]
        mean = np.array(all_of(transform, "mean_value"), np.float32)
        if mean.size not in (0, 1, 3):
            raise UsageError(f"there must be 1 or 3 mean values. Received: {mean.size}")
        return foreign.Network(
            name=name,
            operations=tuple(self.operations),
            crop_size=crop_size,
            mean=np.broadcast_to(mean, (3,)) if mean.size else None,
            scale=np.full(3, one(transform, "scale", 1.0), np.float32),
        )

    def _data(self, layer):
        self.transform = self.transform or one(layer, "transform_param", {})
        shapes = one(layer, "input_param", {}).get("shape")
        if shapes and self.input_shape is None:
            self.input_shape = tuple(all_of(shapes[0], "dim"))

    def _weights(self, layer, where, has_bias) -> list[np.ndarray]:
        blobs = self.blobs.get(one(layer, "name", ""), [])
        if len(blobs) != 1 + has_bias:
            raise UsageError(
                f"{where} must have {1 + has_bias} blobs of weights in the "
                f".caffemodel. Received: {len(blobs)}"
            )
        try:
            return [array_of(blob) for blob in blobs]
        except UsageError as err:
            raise UsageError(f"{where}: {err}") from err

    def on_convolution(self, layer, where):
        given = one(layer, "convolution_param", {})
        if any(step != 1 for step in all_of(given, "dilation")):
            raise UsageError(f"{where} must not be dilated")
        has_bias = bool(one(given, "bias_term", True))
        kernel, *bias = self._weights(layer, where, has_bias)
        window = size_of(given, "kernel_size", None, where)
        if kernel.ndim != 4 or kernel.shape[2:] != window:
            raise UsageError(f"{where} is {window}, but its weights {kernel.shape}")
        pads = size_of(given, "pad", 0, where)
        self.operations.append(
            foreign.Convolution(
                where,
                kernel.transpose(2, 3, 1, 0),
                bias[0].ravel() if bias else np.zeros(len(kernel), np.float32),
                size_of(given, "stride", 1, where),
                foreign.Padding(pads, pads),
                one(given, "group", 1),
            )
        )

    def on_relu(self, layer, where):
        if one(one(layer, "relu_param", {}), "negative_slope", 0):
            raise UsageError(f"{where} must not leak")
        self.operations.append(foreign.Relu(where))

    def on_lrn(self, layer, where):
        given = one(layer, "lrn_param", {})
        regions = ("ACROSS_CHANNELS", "WITHIN_CHANNEL")
        if choice_of(given, "norm_region", regions, where) != regions[0]:
            raise UsageError(f"{where} must be across channels")
        size = one(given, "local_size", 5)
        # Caffe divides alpha by the size; our layer does not.
        alpha = one(given, "alpha", 1.0) / max(size, 1)
        beta, bias = one(given, "beta", 0.75), one(given, "k", 1.0)
        self.operations.append(foreign.Norm(where, size, alpha, beta, bias))

    def on_pooling(self, layer, where):
        given = one(layer, "pooling_param", {})
        kind = choice_of(given, "pool", ("MAX", "AVE", "STOCHASTIC"), where)
        if kind != "MAX" or one(given, "global_pooling", False):
            raise UsageError(f"{where} must be a max pool")
        mode = choice_of(given, "round_mode", ("CEIL", "FLOOR"), where)
        pads = size_of(given, "pad", 0, where)
        self.operations.append(
            foreign.MaxPool(
                where,
                size_of(given, "kernel_size", None, where),
                size_of(given, "stride", 1, where),
                foreign.Padding(pads, pads, "ceil" if mode == "CEIL" else "explicit"),
            )
        )

    def on_flatten(self, layer, where):
        self.operations.append(foreign.Flatten(where))

    def on_innerproduct(self, layer, where):
        given = one(layer, "inner_product_param", {})
        has_bias = bool(one(given, "bias_term", True))
        kernel, *bias = self._weights(layer, where, has_bias)
        kernel = kernel.reshape(kernel.shape[-2:])  # the old form has two axes more
        kernel = kernel if one(given, "transpose", False) else kernel.T
        if not any(isinstance(one, foreign.Flatten) for one in self.operations):
            self.operations.append(foreign.Flatten(where))
        units = kernel.shape[1]
        bias = bias[0].ravel() if bias else np.zeros(units, np.float32)
        self.operations.append(foreign.Dense(where, kernel, bias))

    def on_dropout(self, layer, where):
        rate = one(one(layer, "dropout_param", {}), "dropout_ratio", 0.5)
        self.operations.append(foreign.Dropout(where, rate))

    def on_softmax(self, layer, where):
        self.operations.append(foreign.Softmax(where))

    on_softmaxwithloss = on_softmax


def _first(layer, name) -> str:
    """The blob a layer reads or writes; a loss also reads the labels."""
    return [*layer.get(name, ()), ""][0]
