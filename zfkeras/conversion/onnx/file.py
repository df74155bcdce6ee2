"""Reads ONNX files of strangers: the graph, and the constants that it holds.

It interprets no operation. The onnx package reads weights that lie in files of their
own, and only from the model's folder.
"""

import math
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import numpy_helper

from zfkeras.conversion.onnx.nodes import attributes_of
from zfkeras.errors import UsageError

# A gigabyte of float32. The largest layer of Table 3 has 151 million weights.
MAX_ELEMENTS = 2**28

# Nodes that only make constants -> how many other constants they take.
_MAKERS = {"Constant": 0, "ConstantOfShape": 1, "Identity": 1}


def parse(path: Path) -> onnx.ModelProto:
    """Reads an ONNX file and the weights that lie in files beside it."""
    if not path.is_file():
        raise FileNotFoundError(f"no ONNX file at {path}")
    try:
        model = onnx.load(path)
    except (DecodeError, ValueError, onnx.checker.ValidationError) as err:
        line = str(err).strip().splitlines()[0]
        raise UsageError(
            f"{path} is not an ONNX file, or is damaged ({line}).", argument=str(path)
        ) from err
    if not model.graph.node:
        raise UsageError(
            f"{path} is not an ONNX file, or holds no graph.", argument=str(path)
        )
    return model


class Constants:
    """The constants of a graph by name, read on demand."""

    def __init__(self, graph: onnx.GraphProto):
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        self._nodes = {}
        for node in graph.node:  # each after those whose outputs it reads
            if (
                len(node.input) == _MAKERS.get(node.op_type, -1)
                and len(node.output) == 1
                and node.output[0] not in self
                and all(name in self for name in node.input)
            ):
                self._nodes[node.output[0]] = node

    def __contains__(self, name):
        return name in self._tensors or name in self._nodes

    def is_made_by(self, node: onnx.NodeProto) -> bool:
        """Returns whether the node's only work is to make a constant."""
        return bool(node.output) and node.output[0] in self._nodes

    def array(self, name: str) -> np.ndarray:
        """Returns the constant called `name`."""
        if name in self._tensors:
            return _numbers(self._tensors[name], name)
        if name not in self._nodes:
            raise UsageError(f"{name!r} must be numbers stored in the ONNX file.")
        node = self._nodes[name]
        value = attributes_of(node).get("value")
        value = None if value is None else _numbers(value, name)
        if node.op_type == "Identity":
            return self.array(node.input[0])
        if node.op_type == "Constant":
            if value is None:
                raise UsageError(f"the constant {name!r} must be a tensor.")
            return value
        shape = [int(size) for size in self.array(node.input[0]).ravel()]
        if min(shape, default=0) < 0 or math.prod(shape) > MAX_ELEMENTS:
            raise UsageError(
                f"{name!r} must have at most {MAX_ELEMENTS:,} numbers. "
                f"Received: shape={tuple(shape)}."
            )
        return np.full(shape, np.float32(0) if value is None else value.ravel()[0])


def shape_makers(
    graph: onnx.GraphProto, constants: Constants
) -> dict[str, onnx.NodeProto]:
    """Finds the nodes that compute with the shapes of tensors, by their outputs."""
    makers = {}
    for node in graph.node:  # each after those whose outputs it reads
        reads = [name for name in node.input if name not in constants]
        if node.op_type == "Shape" or (reads and all(n in makers for n in reads)):
            makers |= dict.fromkeys(node.output, node)
    return makers


def _numbers(tensor, name) -> np.ndarray:
    try:
        array = numpy_helper.to_array(tensor)
    except (ValueError, TypeError) as err:
        raise UsageError(
            f"{name!r} does not hold as many numbers as its shape "
            f"{tuple(tensor.dims)} says: the file is damaged."
        ) from err
    if array.dtype.kind not in "fi" or array.dtype.itemsize == 1:
        raise UsageError(
            f"{name!r} must be float or int64 numbers. Received: {array.dtype}."
        )
    return array
