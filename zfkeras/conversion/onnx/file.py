"""ONNX files from strangers: the graph, and numbers only from where they may lie.

It interprets no operation. Weights kept in files of their own are read from the
model's folder and from nowhere else.
"""

from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, numpy_helper

from zfkeras.errors import UsageError

# A gigabyte of float32. The largest layer of Table 3 has 151 million weights.
MAX_ELEMENTS = 2**28

# Nodes that only make constants -> how many other constants they take.
_MADE_OF = {"Constant": 0, "ConstantOfShape": 1, "Identity": 1}

_KINDS = {
    TensorProto.FLOAT: np.dtype("<f4"),
    TensorProto.FLOAT16: np.dtype("<f2"),
    TensorProto.DOUBLE: np.dtype("<f8"),
    TensorProto.INT32: np.dtype("<i4"),
    TensorProto.INT64: np.dtype("<i8"),
}


def parse(path: Path) -> onnx.ModelProto:
    """Reads an ONNX file, without the weights that lie in other files."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no ONNX file at {path}")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except DecodeError as err:
        raise UsageError(f"{path} is not an ONNX file, or is cut short.") from err
    if not model.graph.node:
        raise UsageError(f"{path} is not an ONNX file, or holds no graph.")
    return model


class Constants:
    """The constants of a graph by name, read on demand."""

    def __init__(self, graph: onnx.GraphProto, folder: Path):
        self._folder = Path(folder)
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        self._nodes = {}
        for node in graph.node:
            if (
                len(node.input) == _MADE_OF.get(node.op_type, -1)
                and len(node.output) == 1
                and node.output[0] not in self  # else a node could be made of itself
                and all(name in self for name in node.input)
            ):
                self._nodes[node.output[0]] = node

    def __contains__(self, name):
        return name in self._tensors or name in self._nodes

    def is_made_by(self, node: onnx.NodeProto) -> bool:
        """Whether the node's only work is to make a constant."""
        return bool(node.output) and node.output[0] in self._nodes

    def array(self, name: str) -> np.ndarray:
        """Returns the constant called `name`."""
        shaped = []  # a loop, since a chain may be longer than Python's stack
        while name in self._nodes and self._nodes[name].input:
            if self._nodes[name].op_type == "ConstantOfShape":
                shaped.append(name)
            name = self._nodes[name].input[0]
        found = self._stored(name)
        for outer in reversed(shaped):
            found = self._filled(outer, found)
        return found

    def _stored(self, name):
        """Numbers that stand in the file."""
        if name in self._tensors:
            return self._read(self._tensors[name], name, is_external_allowed=True)
        if name not in self._nodes:
            raise UsageError(f"{name!r} must be numbers that stand in the file.")
        value = self._value(name)
        if value is None:
            raise UsageError(f"the constant {name!r} must be a tensor.")
        return value

    def _filled(self, name, sizes):
        """An array of these sizes of the one number that a ConstantOfShape says."""
        shape = [int(size) for size in sizes.ravel()]
        _check_size(shape, name)
        value = self._value(name)
        return np.full(shape, np.float32(0) if value is None else value.ravel()[0])

    def _value(self, name):
        values = [one.t for one in self._nodes[name].attribute if one.name == "value"]
        return self._read(values[-1], name) if values else None

    def embed(self) -> None:
        """Puts the numbers that lie in other files into the graph."""
        for name, tensor in self._tensors.items():
            if tensor.data_location == TensorProto.EXTERNAL:
                tensor.CopyFrom(numpy_helper.from_array(self.array(name), name))

    def _read(self, tensor, name, is_external_allowed=False):
        if tensor.data_type not in _KINDS:
            kind = TensorProto.DataType.Name(tensor.data_type)
            raise UsageError(
                f"{name!r} must be float or int64 numbers. Received: {kind}."
            )
        _check_size(tensor.dims, name)
        try:
            if tensor.data_location == TensorProto.EXTERNAL:
                if not is_external_allowed:
                    raise UsageError(f"{name!r} must stand in the file itself.")
                return self._read_external(tensor, name)
            return numpy_helper.to_array(tensor)
        except (ValueError, TypeError) as err:
            if isinstance(err, UsageError):
                raise
            raise UsageError(
                f"{name!r} does not hold as many numbers as its shape "
                f"{tuple(tensor.dims)} says: the file is damaged."
            ) from err

    def _read_external(self, tensor, name):
        entries = {entry.key: entry.value for entry in tensor.external_data}
        path = self._inside(entries.get("location", ""), name)
        kind = _KINDS[tensor.data_type]
        count = int(np.prod(tensor.dims, dtype=np.int64))
        offset = int(entries.get("offset", 0))
        size = int(entries.get("length", count * kind.itemsize))
        if offset < 0 or size != count * kind.itemsize:
            raise ValueError
        with open(path, "rb") as file:
            file.seek(offset)
            values = np.frombuffer(file.read(size), kind)
        return values.reshape(tuple(tensor.dims))

    def _inside(self, location, name) -> Path:
        """The path of a file of weights: beside the model or below it, links or not."""
        folder = self._folder.resolve()
        if not location or "\0" in location:
            raise UsageError(f"{name!r} lies in a file without a name.")
        path = (folder / location).resolve()
        if not path.is_relative_to(folder):
            raise UsageError(
                f"{name!r} must lie in the model's folder {folder}. "
                f"Received: {location!r}."
            )
        if not path.is_file():
            raise UsageError(f"{name!r} lies in {path}, which is no file.")
        return path


def _check_size(shape, name) -> None:
    count = 1
    for size in shape:
        count *= max(int(size), 1)  # whole numbers of Python do not overflow
        if size < 0 or count > MAX_ELEMENTS:
            raise UsageError(
                f"{name!r} must have at most {MAX_ELEMENTS:,} numbers. "
                f"Received: shape={tuple(shape)}."
            )
