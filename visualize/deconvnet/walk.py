"""Runs the steps of a network upwards, each on whole maps or on a part of them."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping

from keras import ops

from visualize.deconvnet.graph import Step
from zfkeras.graph.boxes import Boxes


class Tensors:
    """The tensors of a network, by number. Subclasses also know parts of maps.

    images: float tensor (n, height, width, channels); `None` for parts of them alone.
    """

    def __init__(self, images):
        self.wholes = {} if images is None else {0: images}
        self.parts = {}

    def whole(self, number: int):
        """Returns a whole tensor."""
        return self.wholes[number]

    def part(self, number: int, wanted: Boxes, shape, step: Step):
        """Returns the part of an input that a step reads; `shape`: of the input."""
        raise NotImplementedError


def run_up(
    steps: Iterable[Step],
    tensors: Tensors,
    boxes: Mapping[int, Boxes | None],
    run: Callable,
) -> None:
    """Computes all tensors above the image.

    Args:
        steps: in the order they run.
        tensors: gets what the steps make.
        boxes: number of each tensor that is computed in part only -> its part.
        run: function from a step, its call with the shapes of these inputs, and the
            inputs, to the output or several.
    """
    for step in steps:
        box, call = boxes.get(step.outputs[0]), step.call
        if box is None:
            inputs = [tensors.whole(number) for number in step.inputs]
        else:
            inputs = [
                tensors.part(number, box.below(step.axes, shape), shape, step)
                for number, shape in zip(step.inputs, step.input_shapes, strict=True)
            ]
            call = dataclasses.replace(call, windowed=True)
        call = dataclasses.replace(call, input_shapes=tuple(map(shape_of, inputs)))
        made = several(run(step, call, inputs))
        into = tensors.wholes if box is None else tensors.parts
        into.update(zip(step.outputs, made, strict=True))


def several(made):
    """Returns outputs as a sequence."""
    return made if isinstance(made, (list, tuple)) else [made]


def shape_of(tensor):
    """Returns the shape without the batch axis; an unknown side is a scalar tensor."""
    if tensor is None:  # an output that nobody reads
        return None
    return tuple(
        ops.shape(tensor)[axis] if length is None else length
        for axis, length in enumerate(tensor.shape[1:], start=1)
    )
