"""Reads a network from Caffe's .caffemodel, alone or with a .prototxt.

Where a .prototxt is given, it describes the layers, and the .caffemodel holds their
weights by name, as in Caffe. Neither Caffe nor protoc is needed.
"""

import math
from pathlib import Path

import numpy as np
from google.protobuf import text_format
from google.protobuf.message import DecodeError, Message

from zfkeras.conversion import network as foreign
from zfkeras.conversion.caffe.schema import Blob, Net, Transform
from zfkeras.errors import UsageError

_DATA = ("data", "input", "imagedata", "memorydata", "dummydata", "hdf5data")
_DATA = (*_DATA, "windowdata")
_IGNORED = ("accuracy", "silence")


def read_caffe(path: Path, prototxt_path: Path | None = None) -> foreign.Network:
    """Reads a ZFNet-like network of Caffe, with channels in the file's order (BGR)."""
    path = Path(path)
    trained = _parse(path, Net, ".caffemodel")
    described = trained if prototxt_path is None else _parse_text(Path(prototxt_path))
    where = path if prototxt_path is None else prototxt_path
    try:
        return _Reader(described, trained).read(path.stem)
    except UsageError as err:
        raise UsageError(f"{where}: {err}", argument=str(where)) from err


def read_mean(path: Path) -> np.ndarray:
    """Reads a .binaryproto or .npy mean: float32 (3, height, width) or (3,)."""
    path = Path(path)
    if path.suffix == ".npy":
        if not path.is_file():
            raise FileNotFoundError(f"no mean image at {path}")
        try:
            mean = np.load(path, allow_pickle=False)
        except (ValueError, EOFError, OSError) as err:
            raise UsageError(
                f"{path} is not a .npy file, or is cut short.", argument=str(path)
            ) from err
    else:
        blob = _parse(path, Blob, ".binaryproto")
        try:
            mean = _array(blob)
        except UsageError as err:
            raise UsageError(f"{path}: {err}", argument=str(path)) from err
        mean = mean.reshape(mean.shape[-3:])
    if mean.dtype.kind not in "fiu" or mean.ndim not in (1, 3) or len(mean) != 3:
        raise UsageError(
            f"{path} must hold a mean (3, height, width). Received: {mean.shape}.",
            argument=str(path),
            received=mean.shape,
        )
    return mean.astype(np.float32)


def _parse(path, message_class, suffix) -> Message:
    if not path.is_file():
        raise FileNotFoundError(f"no {suffix} file at {path}")
    message = message_class()
    try:
        message.ParseFromString(path.read_bytes())
    except DecodeError as err:
        raise UsageError(
            f"{path} is not a {suffix} file, or is cut short.", argument=str(path)
        ) from err
    if not message.ListFields():
        raise UsageError(
            f"{path} is not a {suffix} file, or is empty.", argument=str(path)
        )
    return message


def _parse_text(path) -> Message:
    if not path.is_file():
        raise FileNotFoundError(f"no .prototxt file at {path}")
    try:
        text = path.read_text(encoding="utf-8")
        return text_format.Parse(text, Net(), allow_unknown_field=True)
    except (text_format.ParseError, UnicodeDecodeError, RecursionError) as err:
        reason = " ".join(str(err).split())
        raise UsageError(
            f"{path} is not a .prototxt file ({reason}).", argument=str(path)
        ) from err


class _Reader:
    def __init__(self, described, trained):
        self.layers = _layers(described)
        self.blobs = {
            layer.name: layer.blobs for layer in _layers(trained) if layer.blobs
        }
        self.operations = []
        self.transform = Transform()
        self.input_shape = (
            described.input_shape[0].dim
            if described.input_shape
            else described.input_dim[:4]
        )

    def read(self, name) -> foreign.Network:
        tensor, aliases = None, {}
        for layer in self.layers:
            kind = _kind(layer)
            where = f"{kind} layer {layer.name!r}"
            kind = kind.replace("_", "").lower()
            # Of a loss's two bottoms, the second one is the labels.
            bottom = layer.bottom[0] if layer.bottom else ""
            bottom = aliases.get(bottom, bottom)
            if kind in _DATA:
                self._data(layer, kind)
            elif kind == "split":
                aliases |= dict.fromkeys(layer.top, bottom)
            elif kind not in _IGNORED:
                if tensor not in (None, bottom):
                    raise UsageError(
                        f"{where} reads {bottom!r}, not {tensor!r}: no chain"
                    )
                handler = getattr(self, f"on_{kind}", None)
                if handler is None:
                    raise UsageError(f"{where} is no layer of a ZFNet-like network")
                handler(layer, where)
                tensor = layer.top[0] if layer.top else bottom
        return self._network(name)

    def _network(self, name) -> foreign.Network:
        shape, crop_size = tuple(self.input_shape), self.transform.crop_size
        if shape:
            if len(shape) != 4 or shape[1] != 3 or shape[2] != shape[3]:
                raise UsageError(
                    f"the input must be (batch, 3, side, side). Received: {shape}"
                )
            crop_size = shape[2]
        mean = np.array(self.transform.mean_value, np.float32)
        if mean.size not in (0, 1, 3):
            raise UsageError(f"there must be 1 or 3 mean values. Received: {mean.size}")
        return foreign.Network(
            name=name,
            operations=tuple(self.operations),
            crop_size=crop_size or None,
            mean=np.broadcast_to(mean, (3,)) if mean.size else None,
            scale=np.full(3, self.transform.scale, np.float32),
        )

    def _data(self, layer, kind):
        if not self.transform.ListFields():
            self.transform = layer.transform_param
        if kind == "input" and layer.input_param.shape and not self.input_shape:
            self.input_shape = layer.input_param.shape[0].dim

    def _weights(self, layer, where, has_bias) -> list[np.ndarray]:
        blobs = self.blobs.get(layer.name, [])
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
        given = layer.convolution_param
        if any(step != 1 for step in given.dilation):
            raise UsageError(f"{where} must not be dilated")
        kernel, *bias = self._weights(layer, where, given.bias_term)
        window = _size(given, "kernel_size", 0, where)
        if kernel.ndim != 4 or kernel.shape[2:] != window:
            raise UsageError(f"{where} is {window}, but its weights {kernel.shape}")
        pads = _size(given, "pad", 0, where)
        self.operations.append(
            foreign.Convolution(
                where,
                kernel.transpose(2, 3, 1, 0),
                bias[0].ravel() if bias else np.zeros(len(kernel), np.float32),
                _size(given, "stride", 1, where),
                foreign.Padding(pads, pads),
                given.group,
            )
        )

    def on_relu(self, layer, where):
        if layer.relu_param.negative_slope:
            raise UsageError(f"{where} must not leak")
        self.operations.append(foreign.Relu(where))

    def on_lrn(self, layer, where):
        given = layer.lrn_param
        if given.norm_region != 0:
            raise UsageError(f"{where} must be across channels")
        # Caffe divides alpha by the size; our layer does not.
        alpha = given.alpha / max(given.local_size, 1)
        self.operations.append(
            foreign.Norm(where, given.local_size, alpha, given.beta, given.k)
        )

    def on_pooling(self, layer, where):
        given = layer.pooling_param
        if given.pool != 0 or given.global_pooling:
            raise UsageError(f"{where} must be a max pool")
        pads = _size(given, "pad", 0, where)
        mode = "ceil" if given.round_mode == 0 else "explicit"
        self.operations.append(
            foreign.MaxPool(
                where,
                _size(given, "kernel_size", 0, where),
                _size(given, "stride", 1, where),
                foreign.Padding(pads, pads, mode),
            )
        )

    def on_flatten(self, layer, where):
        self.operations.append(foreign.Flatten(where))

    def on_innerproduct(self, layer, where):
        given = layer.inner_product_param
        kernel, *bias = self._weights(layer, where, given.bias_term)
        kernel = kernel.reshape(kernel.shape[-2:])  # the old form has two axes more
        kernel = kernel if given.transpose else kernel.T
        if not any(isinstance(one, foreign.Flatten) for one in self.operations):
            self.operations.append(foreign.Flatten(where))
        units = kernel.shape[1]
        bias = bias[0].ravel() if bias else np.zeros(units, np.float32)
        self.operations.append(foreign.Dense(where, kernel, bias))

    def on_dropout(self, layer, where):
        rate = layer.dropout_param.dropout_ratio
        self.operations.append(foreign.Dropout(where, rate))

    def on_softmax(self, layer, where):
        self.operations.append(foreign.Softmax(where))

    on_softmaxloss = on_softmaxwithloss = on_softmax


def _layers(net):
    """Returns the layers of a network, of the form since 2014 or the one before."""
    layers = net.layer or net.layers
    if not layers:
        raise UsageError("there are no layers in it")
    if any(layer.HasField("layer") for layer in net.layers):
        raise UsageError(
            "its layers are of the form before 2014; Caffe's upgrade_net_proto_binary "
            "renews it"
        )
    return layers


def _kind(layer) -> str:
    """Returns a layer's kind, "Convolution", or "CONVOLUTION" in the old form."""
    enumeration = layer.DESCRIPTOR.fields_by_name["type"].enum_type
    if enumeration is None:
        return str(layer.type)  # protobuf gives bytes where it is no UTF-8
    return enumeration.values_by_number[layer.type].name


def _array(blob) -> np.ndarray:
    """Returns the numbers of a blob, float32, in the shape it says."""
    values = np.asarray(blob.data or blob.double_data, np.float32)
    shape = (blob.num, blob.channels, blob.height, blob.width)
    if blob.HasField("shape"):
        shape = tuple(blob.shape.dim)
    # Unlike NumPy's product, Python's does not overflow.
    if not shape or min(shape) < 1 or math.prod(shape) != values.size:
        raise UsageError(f"{values.size} numbers do not fit a shape of {shape}")
    return values.reshape(shape)


def _size(given, name, default, where) -> tuple[int, int]:
    """Reads a size (vertical, horizontal): one or two numbers, or fields as pad_h."""
    values = [*getattr(given, name)] or [default]
    fields = [f"{name.removesuffix('_size')}_{axis}" for axis in "hw"]
    if any(given.HasField(field) for field in fields):
        values = [
            getattr(given, field) if given.HasField(field) else default
            for field in fields
        ]
    low = 0 if name == "pad" else 1
    if len(values) > 2 or min(values) < low:
        raise UsageError(f"{where} must have {name} from {low}. Received: {values}")
    return values[0], values[-1]
