"""From Caffe's .caffemodel, alone or with a .prototxt, to the chain it is.

No Caffe, no protoc, no pickle: the file is read by wire.py. Where a .prototxt is given
it says what the layers are, and the .caffemodel has their weights by name, as in Caffe.
"""

from pathlib import Path

import numpy as np

from zfkeras.conversion import network as foreign
from zfkeras.conversion import prototxt, wire
from zfkeras.conversion.caffe_schema import BLOB, NET, V1_TYPES
from zfkeras.errors import UsageError

_DATA = ("Data", "Input", "ImageData", "MemoryData", "DummyData", "HDF5Data")
_DATA = (*_DATA, "WindowData")
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
            mean = _array(blob)
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
            _one(layer, "name", ""): layer["blobs"]
            for layer in _layers(trained)
            if layer.get("blobs")
        }
        self.operations = []
        self.transform = {}
        self.input_shape = _input_shape(described)

    def read(self, name) -> foreign.Network:
        tensor, aliases = None, {}
        for layer in _layers(self.net):
            kind, where = _kind(layer), _where(layer)
            if kind in _DATA:
                self._data(layer)
            elif kind == "Split":
                bottom = aliases.get(
                    _one(layer, "bottom", ""), _one(layer, "bottom", "")
                )
                aliases |= dict.fromkeys(layer.get("top", ()), bottom)
            elif kind not in _PASSED_OVER:
                bottom = _one(layer, "bottom", "")
                bottom = aliases.get(bottom, bottom)
                if tensor not in (None, bottom):
                    raise UsageError(
                        f"{where} reads {bottom!r}, not {tensor!r}: no chain"
                    )
                self._operation(layer, kind, where)
                tensor = _one(layer, "top", bottom)
        return self._network(name)

    def _operation(self, layer, kind, where):
        handler = getattr(self, f"on_{kind.lower()}", None)
        if handler is None:
            raise UsageError(f"{where} is no layer of a ZFNet-like network")
        handler(layer, where)

    def _network(self, name) -> foreign.Network:
        shape, transform = self.input_shape, self.transform
        crop_size = _one(transform, "crop_size", None) or None
        if shape is not None:
            if len(shape) != 4 or shape[1] != 3 or shape[2] != shape[3]:
                raise UsageError(
                    f"the input must be (batch, 3, side, side). Received: {shape}"
                )
            crop_size = shape[2]
        mean = np.array(_numbers(transform, "mean_value"), np.float32)
        if mean.size not in (0, 1, 3):
            raise UsageError(f"there must be 1 or 3 mean values. Received: {mean.size}")
        return foreign.Network(
            name=name,
            operations=tuple(self.operations),
            crop_size=crop_size,
            mean=np.broadcast_to(mean, (3,)) if mean.size else None,
            scale=np.full(3, _one(transform, "scale", 1.0), np.float32),
        )

    def _data(self, layer):
        self.transform = self.transform or _one(layer, "transform_param", {})
        shapes = _one(layer, "input_param", {}).get("shape")
        if shapes and self.input_shape is None:
            self.input_shape = tuple(_numbers(shapes[0], "dim"))

    def _weights(self, layer, where, has_bias) -> list[np.ndarray]:
        blobs = self.blobs.get(_one(layer, "name", ""), [])
        if len(blobs) != 1 + has_bias:
            raise UsageError(
                f"{where} must have {1 + has_bias} blobs of weights in the "
                f".caffemodel. Received: {len(blobs)}"
            )
        try:
            return [_array(blob) for blob in blobs]
        except UsageError as err:
            raise UsageError(f"{where}: {err}") from err

    def on_convolution(self, layer, where):
        given = _one(layer, "convolution_param", {})
        if any(step != 1 for step in _numbers(given, "dilation")):
            raise UsageError(f"{where} must not be dilated")
        has_bias = bool(_one(given, "bias_term", True))
        kernel, *bias = self._weights(layer, where, has_bias)
        window = _pair(given, "kernel_size", "kernel_h", "kernel_w", None, where)
        if kernel.ndim != 4 or kernel.shape[2:] != window:
            raise UsageError(f"{where} is {window}, but its weights {kernel.shape}")
        pads = _pair(given, "pad", "pad_h", "pad_w", 0, where)
        self.operations.append(
            foreign.Convolution(
                where,
                kernel.transpose(2, 3, 1, 0),
                bias[0].ravel() if bias else np.zeros(len(kernel), np.float32),
                _pair(given, "stride", "stride_h", "stride_w", 1, where),
                foreign.Padding(pads, pads),
                _one(given, "group", 1),
            )
        )

    def on_relu(self, layer, where):
        if _one(_one(layer, "relu_param", {}), "negative_slope", 0):
            raise UsageError(f"{where} must not leak")
        self.operations.append(foreign.Relu(where))

    def on_lrn(self, layer, where):
        given = _one(layer, "lrn_param", {})
        if _choice(given, "norm_region", ("ACROSS_CHANNELS", "WITHIN_CHANNEL"), where):
            raise UsageError(f"{where} must be across channels")
        size = _one(given, "local_size", 5)
        # Caffe divides alpha by the size; our layer does not.
        alpha = _one(given, "alpha", 1.0) / max(size, 1)
        beta, bias = _one(given, "beta", 0.75), _one(given, "k", 1.0)
        self.operations.append(foreign.Norm(where, size, alpha, beta, bias))

    def on_pooling(self, layer, where):
        given = _one(layer, "pooling_param", {})
        kind = _choice(given, "pool", ("MAX", "AVE", "STOCHASTIC"), where)
        if kind != 0 or _one(given, "global_pooling", False):
            raise UsageError(f"{where} must be a max pool")
        floors = _choice(given, "round_mode", ("CEIL", "FLOOR"), where)
        pads = _pair(given, "pad", "pad_h", "pad_w", 0, where)
        self.operations.append(
            foreign.MaxPool(
                where,
                _pair(given, "kernel_size", "kernel_h", "kernel_w", None, where),
                _pair(given, "stride", "stride_h", "stride_w", 1, where),
                foreign.Padding(pads, pads, "explicit" if floors else "ceil"),
            )
        )

    def on_flatten(self, layer, where):
        self.operations.append(foreign.Flatten(where))

    def on_innerproduct(self, layer, where):
        given = _one(layer, "inner_product_param", {})
        has_bias = bool(_one(given, "bias_term", True))
        kernel, *bias = self._weights(layer, where, has_bias)
        kernel = kernel.reshape(kernel.shape[-2:])  # the old form has two axes more
        kernel = kernel if _one(given, "transpose", False) else kernel.T
        if not any(isinstance(one, foreign.Flatten) for one in self.operations):
            self.operations.append(foreign.Flatten(where))
        units = kernel.shape[1]
        bias = bias[0].ravel() if bias else np.zeros(units, np.float32)
        self.operations.append(foreign.Dense(where, kernel, bias))

    def on_dropout(self, layer, where):
        rate = _one(_one(layer, "dropout_param", {}), "dropout_ratio", 0.5)
        self.operations.append(foreign.Dropout(where, min(max(rate, 0.0), 0.99)))

    def on_softmax(self, layer, where):
        self.operations.append(foreign.Softmax(where))

    on_softmaxwithloss = on_softmax


def _layers(net) -> list[wire.Message]:
    layers = net.get("layer") or net.get("layers") or []
    if not layers or not all(isinstance(layer, dict) for layer in layers):
        raise UsageError("there are no layers in it")
    if any("layer" in layer for layer in layers):
        raise UsageError(
            "its layers are of the form before 2014; Caffe's upgrade_net_proto_binary "
            "renews it"
        )
    return layers


def _kind(layer) -> str:
    kind = _one(layer, "type", "")
    for number, (old, new) in V1_TYPES.items():
        if kind in (number, old):
            return new
    return str(kind)


def _where(layer) -> str:
    return f"{_kind(layer)} layer {_one(layer, 'name', '')!r}"


def _input_shape(net) -> tuple[int, ...] | None:
    shapes = net.get("input_shape")
    if shapes:
        return tuple(_numbers(shapes[0], "dim"))
    return tuple(_numbers(net, "input_dim")[:4]) or None


def _array(blob) -> np.ndarray:
    """The numbers of a blob, in the shape it says."""
    runs = blob.get("data") or blob.get("double_data") or []
    values = [np.atleast_1d(np.asarray(run, np.float32)) for run in runs]
    values = np.concatenate(values) if values else np.zeros(0, np.float32)
    if "shape" in blob:
        shape = tuple(_numbers(blob["shape"][0], "dim"))
    else:
        names = ("num", "channels", "height", "width")
        shape = tuple(_one(blob, name, 0) for name in names)
    count = 1
    for size in shape:
        count *= size
    if not shape or min(shape) < 1 or count != values.size:
        raise UsageError(f"{values.size} numbers do not fit a shape of {shape}")
    return values.reshape(shape)


def _one(message, name, default):
    """The last value of a field, as protocol buffers have it."""
    values = message.get(name)
    if not values:
        return default
    value = values[-1]
    wanted = type(default)
    if default is not None and wanted is not type(value):
        numbers = (int, float, bool)
        if not (isinstance(value, numbers) and wanted in numbers):
            raise UsageError(f"{name} must be {wanted.__name__}. Received: {value!r}")
    return value


def _numbers(message, name) -> list:
    """All values of a field; packed floats are arrays."""
    found = []
    for value in message.get(name, ()):
        found += value.tolist() if isinstance(value, np.ndarray) else [value]
    if not all(isinstance(value, int | float) for value in found):
        raise UsageError(f"{name} must be numbers. Received: {found}")
    return found


def _pair(message, both, vertical, horizontal, default, where) -> tuple[int, int]:
    """A size that is one number, two of them, or two fields."""
    values = _numbers(message, both) or [default]
    if vertical in message or horizontal in message:
        values = [_one(message, name, default) for name in (vertical, horizontal)]
    pair = (values[0], values[-1])
    low = 0 if both == "pad" else 1
    if len(values) > 2 or not all(type(one) is int and one >= low for one in pair):
        raise UsageError(f"{where} must have {both} from {low}. Received: {values}")
    return pair


def _choice(message, name, words, where) -> int:
    """The number of an enumeration's value, the first being the default."""
    value = _one(message, name, None)
    if value is None:
        return 0
    if value in words:
        return words.index(value)
    if type(value) is int and 0 <= value < len(words):
        return value
    raise UsageError(f"{where} has the unknown {name} {value!r}")
