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

_KINDS = {
    TensorProto.FLOAT: np.dtype("<f4"),
    TensorProto.FLOAT16: np.dtype("<f2"),
    TensorProto.DOUBLE: np.dtype("<f8"),
    TensorProto.INT32: np.dtype("<i4"),
    TensorProto.INT64: np.dtype("<i8"),
}


def parse(path: Path) -> onnx.ModelProto:
    """Reads an ONNX file, without what lies in other files.

    Args:
        path: the file.

    Raises:
        FileNotFoundError: no such file.
        UsageError: not ONNX, or cut short.
    """
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
    """The numbers of a graph by name, each read when it is asked for.

    Args:
        graph: of the model.
        folder: where the model's file lies.
    """

    def __init__(self, graph: onnx.GraphProto, folder: Path):
        self._folder = Path(folder)
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        self._nodes = {}
        for node in graph.node:
            made_of = [name for name in node.input if name]
            if (
                node.op_type in ("Constant", "ConstantOfShape", "Identity")
                and len(node.output) == 1
                and all(name in self for name in made_of)
            ):
                self._nodes[node.output[0]] = node

    def __contains__(self, name):
        return name in self._tensors or name in self._nodes

    def is_made_by(self, node: onnx.NodeProto) -> bool:
        """Whether a node only makes a constant.

        Args:
            node: of the graph.
        """
        return bool(node.output) and node.output[0] in self._nodes

    def array(self, name: str) -> np.ndarray:
        """The numbers called `name`.

        Args:
            name: an initializer, or what a constant node puts out.

        Raises:
            UsageError: there are none, they are of an odd kind, too many, damaged, or
                in a file outside the model's folder.
        """
        if name in self._tensors:
            return self._read(self._tensors[name], name, is_external_allowed=True)
        if name not in self._nodes:
            raise UsageError(f"{name!r} must be numbers that stand in the file.")
        node = self._nodes[name]
        if node.op_type == "Identity":
            return self.array(node.input[0])
        values = {one.name: one for one in node.attribute}
        if node.op_type == "ConstantOfShape":
            shape = [int(size) for size in self.array(node.input[0]).ravel()]
            _check_size(shape, name)
            value = values.get("value")
            fill = self._read(value.t, name) if value else np.zeros(1, np.float32)
            return np.full(shape, fill.ravel()[0])
        if "value" not in values:
            raise UsageError(f"the constant {name!r} must be a tensor.")
        return self._read(values["value"].t, name)

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
