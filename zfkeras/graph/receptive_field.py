"""Which input pixels a unit of a layer can see, exactly, from the model's graph.

Sizes and offsets come from each layer's own kernel, stride and padding, so the answer
holds for any functional or sequential model made of layers in the register of kinds.
"""

import dataclasses
import functools
import operator

import keras

from zfkeras.errors import UsageError
from zfkeras.graph.kinds import POINTWISE, WHOLE, windows_of


@dataclasses.dataclass(frozen=True)
class Span:
    """The pixels along one axis: unit i sees `start + i * stride`, `size` long."""

    start: int
    size: int
    stride: int

    def windows(self, size, stride, before=0):
        """The span of windows over units that have this span."""
        return Span(
            start=self.start - before * self.stride,
            size=self.size + (size - 1) * self.stride,
            stride=self.stride * stride,
        )

    def __or__(self, other):
        if 0 in (self.stride, other.stride):
            return self if self.stride == 0 else other
        if self.stride != other.stride:
            raise UsageError(
                "receptive field: branches with different strides meet "
                f"({self.stride} and {other.stride} pixels)."
            )
        start = min(self.start, other.start)
        end = max(self.start + self.size, other.start + other.size)
        return Span(start, end - start, self.stride)


@dataclasses.dataclass(frozen=True)
class ReceptiveField:
    """The receptive field of a layer's units.

    Args:
        rows: span along the height.
        columns: span along the width.
    """

    rows: Span
    columns: Span

    @property
    def size(self):
        """(height, width) in input pixels."""
        return self.rows.size, self.columns.size

    @property
    def stride(self):
        """(vertical, horizontal) step between units in input pixels; 0 for no step."""
        return self.rows.stride, self.columns.stride

    def box(self, position):
        """The pixels that the unit at `position` (y, x) sees."""
        y, x = position
        top = self.rows.start + y * self.rows.stride
        left = self.columns.start + x * self.columns.stride
        return top, left, top + self.rows.size, left + self.columns.size

    def __or__(self, other):
        return ReceptiveField(self.rows | other.rows, self.columns | other.columns)


def receptive_field(model: keras.Model, tensor) -> ReceptiveField:
    """Computes the receptive field of a tensor inside a model."""
    shapes = [tuple(image.shape) for image in model.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or None in shapes[0][1:3]:
        raise UsageError(
            "receptive field: the model must have one image as its input, and its "
            f"input size must be known. Received: input shapes={shapes}."
        )
    (image,) = model.inputs
    height, width = image.shape[1:3]
    whole = ReceptiveField(Span(0, height, 0), Span(0, width, 0))
    pixel = ReceptiveField(Span(0, 1, 1), Span(0, 1, 1))
    return _Walk({id(image): pixel}, whole).field(tensor)


class _Walk:
    """Goes from a tensor up to those whose field is known, each tensor once."""

    def __init__(self, found, whole):
        self.found, self.whole = found, whole

    def field(self, tensor):
        pending = [tensor]  # Not recursion: deep networks have a thousand layers.
        while pending:
            operation, sources = _origin(pending[-1])
            missing = [s for s in sources if id(s) not in self.found]
            if id(pending[-1]) in self.found or not missing:
                self._find(pending.pop(), operation, sources)
            else:
                pending.extend(missing)
        return self.found[id(tensor)]

    def _find(self, tensor, operation, sources):
        if id(tensor) in self.found:
            return
        if not sources:
            raise UsageError("receptive field: the tensor is not in the model.")
        fields = [self.found[id(source)] for source in sources]
        if isinstance(operation, keras.Model) and getattr(operation, "inputs", None):
            output = operation.outputs[tensor._keras_history.tensor_index]
            self.found[id(tensor)] = self._inside(operation, fields).field(output)
            return
        shapes = [source.shape for source in sources]
        # A unit that is broadcast is seen from everywhere: only known if it sees all.
        sizes = {
            shape[1:-1]
            for shape, field in zip(shapes, fields, strict=True)
            if field != self.whole
        }
        _check(operation, shapes[0], sizes)
        merged = functools.reduce(operator.or_, fields)
        self.found[id(tensor)] = self._after(operation, merged, shapes[0])

    def _inside(self, nested, fields):
        """A walk through a nested model, from the fields of what it reads."""
        shapes = [tuple(image.shape) for image in nested.inputs]
        if any(None in shape[1:] for shape in shapes):
            raise UsageError(
                f"receptive field: the nested model {nested.name!r} must know its "
                f"input's size. Received: input shapes={shapes}."
            )
        known = zip(map(id, nested.inputs), fields, strict=True)
        return _Walk(dict(known), self.whole)

    def _after(self, operation, field, input_shape):
        if field == self.whole:
            return field
        windows = windows_of(operation)
        if windows is None:
            raise UsageError(
                f"receptive field: layer {operation.name!r} of kind "
                f"{type(operation).__name__} is not known.",
                argument=operation.name,
                received=type(operation).__name__,
            )
        if windows == POINTWISE:
            return field
        if windows == WHOLE:
            return self.whole
        spans = [
            span.windows(axis.pool, axis.stride, axis.before(length))
            for span, axis, length in zip(
                (field.rows, field.columns), windows, input_shape[1:3], strict=True
            )
        ]
        return ReceptiveField(*spans)


def _origin(tensor):
    """The operation that made a tensor, and the tensors it made it from."""
    operation, node_index, _ = tensor._keras_history
    return operation, operation._inbound_nodes[node_index].input_tensors


def _check(operation, shape, sizes):
    """Refuses what would make the answer wrong, not only unknown."""
    name = f"receptive field: layer {operation.name!r}"
    if getattr(operation, "data_format", None) == "channels_first":
        raise UsageError(f"{name} must have its channels last.")
    last = len(shape) - 1
    if type(operation).__name__ == "Concatenate" and operation.axis not in (-1, last):
        raise UsageError(
            f"{name} must concatenate channels. Received: axis={operation.axis}."
        )
    if len(sizes) > 1:
        raise UsageError(
            f"{name} must join maps of one size. Received: sizes={sorted(sizes)}."
        )
