"""From an ONNX graph to the chain of operations it is, node by node.

Nothing is assumed: what a node's attributes say counts, ONNX's defaults where they say
nothing; a node of another kind, or a branch, is an error that names it.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx

from zfkeras.conversion import network as foreign
from zfkeras.conversion.affine import Affine
from zfkeras.conversion.onnx_file import Constants, parse
from zfkeras.conversion.onnx_nodes import (
    attributes_of,
    card_of,
    padding_of,
    pair_of,
    where_of,
)
from zfkeras.errors import UsageError

# What attributes of the wrong kind or number lead to.
_DAMAGE = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError)


def read_onnx(path: Path) -> tuple[foreign.Network, "Taps"]:
    """Reads a ZFNet-like network from an ONNX file.

    Args:
        path: the file.

    Returns:
        The network, and where in the graph its parts can be tapped.

    Raises:
        FileNotFoundError: no such file.
        UsageError: no such network; the message names the node.
    """
    path = Path(path)
    model = parse(path)
    try:
        return _Reader(model, path).read()
    except UsageError as err:
        raise UsageError(f"{path}: {err}") from err
    except _DAMAGE as err:
        raise UsageError(f"{path} is damaged ({type(err).__name__}: {err}).") from err


@dataclasses.dataclass(frozen=True, eq=False)
class Taps:
    """Names of the tensors of a graph at which it is compared with its conversion.

    Args:
        model: the graph.
        images: its input.
        crops: what the first convolution reads.
        logits: what the softmax reads, or the output where there is none.
    """

    model: onnx.ModelProto
    images: str
    crops: str
    logits: str

    @property
    def has_preprocessing(self) -> bool:
        """Whether the graph takes square images, not crops without their mean."""
        return self.images != self.crops


class _Reader:
    def __init__(self, model, path):
        self.model = model
        self.graph = model.graph
        self.name = path.stem
        self.constants = Constants(model.graph, path.parent)
        self.operations = []
        self.affine = None

    def read(self):
        images, shape = self._input()
        self.affine = Affine(shape)
        crops = logits = tensor = images
        for node in self._chain(images):
            where = where_of(node)
            if node.domain not in ("", "ai.onnx"):
                raise UsageError(f"{where} is of the unknown domain {node.domain!r}")
            handler = getattr(self, f"on_{node.op_type.lower()}", None)
            if handler is None:
                raise UsageError(f"{where} is no operation of a ZFNet-like network")
            handler(node, where)
            tensor = node.output[0]
            if not self.operations:
                crops = tensor
            if node.op_type != "Softmax":
                logits = tensor
        if tensor not in {output.name for output in self.graph.output}:
            raise UsageError(f"the chain ends in {tensor!r}, which is no output")
        self.constants.embed()
        return self._network(), Taps(self.model, images, crops, logits)

    def _input(self):
        inputs = [one for one in self.graph.input if one.name not in self.constants]
        if len(inputs) != 1:
            names = [one.name for one in inputs]
            raise UsageError(f"the graph must have one input. Received: {names}")
        dims = inputs[0].type.tensor_type.shape.dim
        shape = [one.dim_value or None for one in dims]
        if len(shape) != 4 or shape[1] not in (3, None):
            raise UsageError(
                f"the input {inputs[0].name!r} must be (batch, 3, height, width). "
                f"Received: {shape}"
            )
        return inputs[0].name, tuple(shape[2:])

    def _chain(self, tensor) -> Iterator[onnx.NodeProto]:
        """The nodes behind a tensor, each the only one that reads the one before."""
        readers = {}
        for node in self.graph.node:
            if not self.constants.is_made_by(node):
                for name in {*node.input} - {""}:
                    readers.setdefault(name, []).append(node)
        for _ in self.graph.node:
            found = readers.get(tensor, [])
            if not found:
                return
            if len(found) > 1:
                raise UsageError(f"{where_of(found[1])} makes a branch at {tensor!r}")
            (node,) = found
            others = [name for name in node.input if name and name != tensor]
            strange = [name for name in others if name not in self.constants]
            if strange:
                raise UsageError(f"{where_of(node)} also reads {strange[0]!r}")
            if [*node.input].count(tensor) != 1 or not node.output:
                raise UsageError(f"{where_of(node)} is no link of a chain")
            yield node
            tensor = node.output[0]

    def _network(self):
        card = card_of(self.model)
        affine = self.affine
        height, width = affine.size
        if height != width:
            raise UsageError(f"the input must be square. Received: {affine.size}")
        return foreign.Network(
            name=self.name,
            operations=tuple(self.operations),
            crop_size=height,
            mean=affine.mean,
            scale=affine.scale,
            image_size=affine.full[0] if affine.mean is not None else None,
            is_rgb=card.get("channels") == "rgb",
            class_names=card.get("class_names"),
        )

    def _append(self, operation):
        self.operations.append(operation)

    def _array(self, name, where):
        try:
            array = self.constants.array(name)
        except UsageError as err:
            raise UsageError(f"{where}: {err}") from err
        return array.astype(np.float32) if array.dtype.kind == "f" else array

    # Before the network: what is done to images.

    def _before_network(self, where):
        if self.operations:
            raise UsageError(f"{where} must stand before the first convolution")

    def on_sub(self, node, where):
        self._before_network(where)
        if node.input[0] in self.constants:
            raise UsageError(f"{where} must subtract a constant, not from one")
        self.affine.subtract(self._other(node, where), where)

    def on_add(self, node, where):
        if self.operations and isinstance(self.operations[-1], foreign.Dense):
            last = self.operations.pop()
            bias = self._bias(self._other(node, where), last.kernel, where)
            bias = bias if last.bias is None else bias + last.bias
            self._append(foreign.Dense(last.where, last.kernel, bias))
        else:
            self._before_network(where)
            self.affine.subtract(-self._other(node, where), where)

    def on_mul(self, node, where):
        self._before_network(where)
        self.affine.multiply(self._other(node, where), where)

    def on_div(self, node, where):
        self._before_network(where)
        if node.input[0] in self.constants:
            raise UsageError(f"{where} must divide by a constant, not a constant")
        with np.errstate(divide="ignore"):
            self.affine.multiply(1 / self._other(node, where), where)

    def _other(self, node, where):
        names = [name for name in node.input if name in self.constants]
        return np.asarray(self._array(names[0], where), np.float32)

    def on_slice(self, node, where):
        self._before_network(where)
        found = attributes_of(node)
        parts = [found.get(name) for name in ("starts", "ends", "axes", "steps")]
        for place, name in enumerate(node.input[1:5]):
            if name:
                parts[place] = self._array(name, where).ravel().tolist()
        starts, ends, axes, steps = parts
        if starts is None or ends is None or any(step != 1 for step in steps or []):
            raise UsageError(f"{where} must cut a square, with steps of 1")
        axes = axes or range(len(starts))
        if not len(starts) == len(ends) == len(axes):
            raise UsageError(f"{where} must cut as many starts as ends and axes")
        cuts = zip(starts, ends, strict=True)
        self.affine.crop(dict(zip(axes, cuts, strict=True)), where)

    # The network.

    def on_conv(self, node, where):
        found = attributes_of(node)
        kernel = self._array(node.input[1], where)
        if kernel.ndim != 4:
            raise UsageError(f"{where} must be two-dimensional")
        has_bias = len(node.input) > 2 and node.input[2]
        bias = self._array(node.input[2], where) if has_bias else None
        self._append(
            foreign.Convolution(
                where,
                kernel.transpose(2, 3, 1, 0),
                np.zeros(len(kernel), np.float32) if bias is None else bias,
                pair_of(found.get("strides", (1, 1)), where),
                padding_of(found, where),
                int(found.get("group", 1)),
            )
        )

    def on_relu(self, node, where):
        self._append(foreign.Relu(where))

    def on_lrn(self, node, where):
        found = attributes_of(node)
        size = int(found.get("size", 0))
        # ONNX divides alpha by the size; our layer does not.
        alpha = float(found.get("alpha", 1e-4)) / max(size, 1)
        beta, bias = float(found.get("beta", 0.75)), float(found.get("bias", 1.0))
        self._append(foreign.Norm(where, size, alpha, beta, bias))

    def on_maxpool(self, node, where):
        found = attributes_of(node)
        window = pair_of(found.get("kernel_shape", ()), where)
        strides = pair_of(found.get("strides", (1, 1)), where)
        self._append(foreign.MaxPool(where, window, strides, padding_of(found, where)))

    def on_flatten(self, node, where):
        if attributes_of(node).get("axis", 1) != 1:
            raise UsageError(f"{where} must flatten behind the batch")
        self._append(foreign.Flatten(where))

    def on_reshape(self, node, where):
        found = attributes_of(node)
        shape = found.get("shape")
        if shape is None:
            shape = self._array(node.input[1], where).ravel().tolist()
        if len(shape) != 2:
            raise UsageError(f"{where} must flatten the maps. Received: {shape}")
        self._append(foreign.Flatten(where))

    def on_gemm(self, node, where):
        found = attributes_of(node)
        if found.get("transA", 0):
            raise UsageError(f"{where} must not transpose its input")
        kernel = self._matrix(node, where) * np.float32(found.get("alpha", 1.0))
        kernel = kernel.T if found.get("transB", 0) else kernel
        bias = np.zeros(kernel.shape[1], np.float32)
        if len(node.input) > 2 and node.input[2]:
            given = self._array(node.input[2], where) * np.float32(found.get("beta", 1))
            bias = self._bias(given, kernel, where)
        self._append(foreign.Dense(where, np.ascontiguousarray(kernel), bias))

    def on_matmul(self, node, where):
        self._append(foreign.Dense(where, self._matrix(node, where), None))

    def _matrix(self, node, where):
        if (
            node.input[0] in self.constants
            or self._array(node.input[1], where).ndim != 2
        ):
            raise UsageError(f"{where} must multiply with a constant matrix")
        return self._array(node.input[1], where)

    def _bias(self, given, kernel, where):
        try:
            return np.broadcast_to(given.ravel(), (kernel.shape[1],)).copy()
        except ValueError as err:
            raise UsageError(
                f"{where} has {kernel.shape[1]} units but biases {given.shape}"
            ) from err

    def on_dropout(self, node, where):
        rate = float(attributes_of(node).get("ratio", 0.5))
        if len(node.input) > 1 and node.input[1]:
            rate = float(self._array(node.input[1], where))
        self._append(foreign.Dropout(where, rate))

    def on_identity(self, node, where):
        pass

    def on_softmax(self, node, where):
        if attributes_of(node).get("axis", 1) not in (1, -1):
            raise UsageError(f"{where} must be over the classes")
        self._append(foreign.Softmax(where))
