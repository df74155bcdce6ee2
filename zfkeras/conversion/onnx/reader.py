"""From an ONNX graph to the chain of operations it is, node by node.

A branch, or a second input, is an error that names it; what a node means is for
operations.py to say.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import onnx

from zfkeras.conversion import network as foreign
from zfkeras.conversion.onnx.file import Constants, parse, shape_makers
from zfkeras.conversion.onnx.nodes import card_of, where_of
from zfkeras.conversion.onnx.operations import Operations
from zfkeras.errors import UsageError

# What attributes of the wrong kind or number lead to.
_DAMAGE = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError)
# A chain of constants may be longer than Python's stack.
_DAMAGE = (*_DAMAGE, RecursionError)


def read_onnx(path: Path) -> tuple[foreign.Network, "Taps"]:
    """Reads a ZFNet-like network, and the tensors at which it can be compared."""
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
    """The tensors at which a graph is compared with its conversion."""

    model: onnx.ModelProto
    images: str
    crops: str
    logits: str

    @property
    def has_preprocessing(self) -> bool:
        """Returns whether the graph takes square images, not prepared crops."""
        return self.images != self.crops


class _Reader:
    def __init__(self, model, path):
        self.model = model
        self.graph = model.graph
        self.name = path.stem
        self.constants = Constants(model.graph)
        self.shapes = shape_makers(model.graph, self.constants)

    def read(self):
        images, shape = self._input()
        operations = Operations(self.constants, self.shapes, shape)
        crops = logits = tensor = images
        for node in self._chain(images):
            operations.take(node)
            tensor = node.output[0]
            if not operations.found:
                crops = tensor
            if node.op_type != "Softmax":
                logits = tensor
        if tensor not in {output.name for output in self.graph.output}:
            raise UsageError(f"the graph must output {tensor!r}, its last operation's.")
        return self._network(operations), Taps(self.model, images, crops, logits)

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
        """Yields the nodes that follow a tensor, which must be a chain."""
        readers = {}
        for node in self.graph.node:
            makes_shape = bool(node.output) and node.output[0] in self.shapes
            if not (makes_shape or self.constants.is_made_by(node)):
                for name in {*node.input} - {""}:
                    readers.setdefault(name, []).append(node)
        for _ in self.graph.node:
            found = readers.get(tensor, [])
            if not found:
                return
            if len(found) > 1:
                raise UsageError(
                    f"{where_of(found[1])} is a second reader of {tensor!r}: only a "
                    "chain of layers without branches can be read"
                )
            (node,) = found
            others = [name for name in node.input if name and name != tensor]
            known = {*self.shapes} if node.op_type == "Reshape" else ()
            strange = [n for n in others if n not in self.constants and n not in known]
            if strange:
                raise UsageError(f"{where_of(node)} also reads {strange[0]!r}")
            if [*node.input].count(tensor) != 1 or not node.output:
                raise UsageError(f"{where_of(node)} is no link of a chain")
            yield node
            tensor = node.output[0]

    def _network(self, operations):
        card = card_of(self.model)
        affine = operations.affine
        height, width = affine.size
        if height != width:
            raise UsageError(f"the input must be square. Received: {affine.size}")
        return foreign.Network(
            name=self.name,
            operations=tuple(operations.found),
            crop_size=height,
            mean=affine.mean,
            scale=affine.scale,
            image_size=affine.full[0] if affine.mean is not None else None,
            is_rgb=card.get("channels") == "rgb",
            class_names=card.get("class_names"),
        )
