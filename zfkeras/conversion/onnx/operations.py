"""What each kind of ONNX node means to a ZFNet-like network.

Nothing is assumed: what a node's attributes say counts, ONNX's defaults where they say
nothing. It does not know the order of nodes; reader.py follows the chain.
"""

import numpy as np
import onnx

from zfkeras.conversion import network as foreign
from zfkeras.conversion.affine import Affine
from zfkeras.conversion.onnx.file import Constants
from zfkeras.conversion.onnx.nodes import (
    attributes_of,
    padding_of,
    pair_of,
    where_of,
)
from zfkeras.errors import UsageError


class Operations:
    """Turns nodes, in order, into operations (`found`) and preprocessing (`affine`)."""

    def __init__(
        self,
        constants: Constants,
        shapes: dict[str, onnx.NodeProto],
        shape: tuple[int | None, int | None],
    ):
        self.found = []
        self.affine = Affine(shape)
        self._constants, self._shapes = constants, shapes

    def take(self, node: onnx.NodeProto) -> None:
        """Adds the next node's operation."""
        where = where_of(node)
        if node.domain not in ("", "ai.onnx"):
            raise UsageError(f"{where} is of the unknown domain {node.domain!r}")
        handler = getattr(self, f"_on_{node.op_type.lower()}", None)
        if handler is None:
            raise UsageError(f"{where} is no operation of a ZFNet-like network")
        handler(node, where)

    def _array(self, name, where):
        try:
            array = self._constants.array(name)
        except UsageError as err:
            raise UsageError(f"{where}: {err}") from err
        return array.astype(np.float32) if array.dtype.kind == "f" else array

    # Before the network: what is done to images.

    def _before_network(self, where):
        if self.found:
            raise UsageError(f"{where} must stand before the first convolution")

    def _on_sub(self, node, where):
        self._before_network(where)
        if node.input[0] in self._constants:
            raise UsageError(f"{where} must subtract a constant, not from one")
        self.affine.subtract(self._other(node, where), where)

    def _on_add(self, node, where):
        if self.found and isinstance(self.found[-1], foreign.Dense):
            last = self.found.pop()
            bias = self._bias(self._other(node, where), last.kernel, where)
            bias = bias if last.bias is None else bias + last.bias
            self.found.append(foreign.Dense(last.where, last.kernel, bias))
        else:
            self._before_network(where)
            self.affine.subtract(-self._other(node, where), where)

    def _on_mul(self, node, where):
        self._before_network(where)
        self.affine.multiply(self._other(node, where), where)

    def _on_div(self, node, where):
        self._before_network(where)
        if node.input[0] in self._constants:
            raise UsageError(f"{where} must divide by a constant, not a constant")
        with np.errstate(divide="ignore"):
            self.affine.multiply(1 / self._other(node, where), where)

    def _other(self, node, where):
        names = [name for name in node.input if name in self._constants]
        return np.asarray(self._array(names[0], where), np.float32)

    def _on_slice(self, node, where):
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

    def _on_conv(self, node, where):
        found = attributes_of(node)
        kernel = self._array(node.input[1], where)
        if kernel.ndim != 4:
            raise UsageError(f"{where} must be two-dimensional")
        has_bias = len(node.input) > 2 and node.input[2]
        bias = self._array(node.input[2], where) if has_bias else None
        self.found.append(
            foreign.Convolution(
                where,
                kernel.transpose(2, 3, 1, 0),
                np.zeros(len(kernel), np.float32) if bias is None else bias,
                pair_of(found.get("strides", (1, 1)), where),
                padding_of(found, where),
                int(found.get("group", 1)),
            )
        )

    def _on_relu(self, node, where):
        self.found.append(foreign.Relu(where))

    def _on_lrn(self, node, where):
        found = attributes_of(node)
        size = int(found.get("size", 0))
        # ONNX divides alpha by the size; our layer does not.
        alpha = float(found.get("alpha", 1e-4)) / max(size, 1)
        beta, bias = float(found.get("beta", 0.75)), float(found.get("bias", 1.0))
        self.found.append(foreign.Norm(where, size, alpha, beta, bias))

    def _on_maxpool(self, node, where):
        found = attributes_of(node)
        window = pair_of(found.get("kernel_shape", ()), where)
        strides = pair_of(found.get("strides", (1, 1)), where)
        self.found.append(
            foreign.MaxPool(where, window, strides, padding_of(found, where))
        )

    def _on_flatten(self, node, where):
        if attributes_of(node).get("axis", 1) != 1:
            raise UsageError(f"{where} must flatten behind the batch")
        self.found.append(foreign.Flatten(where))

    def _on_reshape(self, node, where):
        found = attributes_of(node)
        shape = found.get("shape")
        if shape is None and node.input[1] in self._shapes:
            shape = self._computed(node.input[1], where)
        elif shape is None:
            shape = self._array(node.input[1], where).ravel().tolist()
        if len(shape) != 2:
            raise UsageError(f"{where} must flatten the maps. Received: {shape}")
        self.found.append(foreign.Flatten(where))

    def _computed(self, name, where) -> list:
        """Returns a shape that begins with a computed size: PyTorch's x.view(n, -1)."""
        maker = self._shapes[name]
        first = self._shapes.get(maker.input[0])
        is_size = first is not None and (
            first.op_type == "Unsqueeze"
            or (first.op_type == "Shape" and attributes_of(first).get("end") == 1)
        )
        if maker.op_type != "Concat" or not is_size:
            raise UsageError(f"{where} must flatten the maps, not compute a shape")
        parts = [self._array(part, where).ravel() for part in maker.input[1:]]
        return [None, *np.concatenate(parts).tolist()]

    def _on_averagepool(self, node, where):
        found = attributes_of(node)
        window = pair_of(found.get("kernel_shape", ()), where)
        strides = pair_of(found.get("strides", (1, 1)), where)
        if (window, strides) != ((1, 1), (1, 1)) or any(found.get("pads", ())):
            raise UsageError(
                f"{where} averages {window} with strides {strides}, which is no "
                "operation of a ZFNet-like network"
            )
        # PyTorch's adaptive pool to the size that the maps have: it changes nothing.

    def _on_gemm(self, node, where):
        found = attributes_of(node)
        if found.get("transA", 0):
            raise UsageError(f"{where} must not transpose its input")
        kernel = self._matrix(node, where) * np.float32(found.get("alpha", 1.0))
        kernel = kernel.T if found.get("transB", 0) else kernel
        bias = np.zeros(kernel.shape[1], np.float32)
        if len(node.input) > 2 and node.input[2]:
            given = self._array(node.input[2], where) * np.float32(found.get("beta", 1))
            bias = self._bias(given, kernel, where)
        self.found.append(foreign.Dense(where, np.ascontiguousarray(kernel), bias))

    def _on_matmul(self, node, where):
        self.found.append(foreign.Dense(where, self._matrix(node, where), None))

    def _matrix(self, node, where):
        if (
            node.input[0] in self._constants
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

    def _on_dropout(self, node, where):
        rate = float(attributes_of(node).get("ratio", 0.5))
        if len(node.input) > 1 and node.input[1]:
            rate = float(self._array(node.input[1], where))
        self.found.append(foreign.Dropout(where, rate))

    def _on_identity(self, node, where):
        pass

    def _on_softmax(self, node, where):
        if attributes_of(node).get("axis", 1) not in (1, -1):
            raise UsageError(f"{where} must be over the classes")
        self.found.append(foreign.Softmax(where))
