"""A network on copies of an image that differ from it in one box each: the difference.

What lies outside a box reaches only a part of each map, the larger the deeper. That
part is computed for each copy, the rest once for the image.
"""

import dataclasses
import functools
import operator

import keras
import numpy as np
from keras import ops

from visualize.deconvnet.graph import Graph
from visualize.deconvnet.rules import Options, find_rule, require_rule
from visualize.deconvnet.walk import Tensors, run_up
from visualize.deconvnet.windows import WORTHWHILE_SHARE, Cutter, are_inside
from zfkeras.errors import UsageError
from zfkeras.graph.boxes import Boxes, Span

# What a rule remembers for its way down is not asked for here: the least of it.
_OPTIONS = Options("deconvnet", "identity")


class PartialPass:
    """Runs a model on copies of an image; computes only what their boxes can change."""

    def __init__(self, model: keras.Model, paths=()):
        graph = Graph(model, _OPTIONS)
        self.outputs = (*map(graph.tensor, paths), *graph.outputs)
        self.shapes = graph.shapes
        self.steps = graph.steps_to(self.outputs, _usable_rule)

    def plan(self, boxes: np.ndarray) -> "Plan":
        """Plans which part of each map the boxes can change.

        boxes: int array (n, 4) of (top, left, bottom, right).
        """
        sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=0)
        rows, columns = (
            Span(boxes[:, axis], max(1, int(side))) for axis, side in enumerate(sides)
        )
        regions = {0: Boxes(rows, columns)}
        for step in self.steps:
            number = step.outputs[0]
            below = [regions.get(number) for number in step.inputs]
            regions[number] = self._reached(step, below, self.shapes[number])
        kept = {number: part for number, part in regions.items() if part}
        return Plan(kept if len(kept) > 1 else {})  # not for the image alone

    def _reached(self, step, below, shape) -> Boxes | None:
        """Returns the part of a step's output that can change; `None` for all of it."""
        is_known = len(shape) == 3 and None not in shape
        if step.axes is None or not is_known or None in below:
            return None
        changed = [
            part.above(step.axes, size, shape)
            for part, size in zip(below, step.input_shapes, strict=True)
        ]
        region = functools.reduce(operator.or_, changed)
        return region if region.share(shape) <= WORTHWHILE_SHARE else None

    def own_maps(self, image, plan: "Plan") -> dict:
        """Maps of the unchanged image for each tensor that has a region.

        image: float tensor (1, height, width, channels).
        """
        tensors = Tensors(image)
        run_up(self.steps, tensors, {}, _run)
        return {number: tensors.wholes[number] for number in plan.regions}

    def run(self, parts, own_maps, regions) -> list:
        """Returns the outputs of the copies: of each layer asked for, then the model's.

        parts: float tensor (n, height, width, channels), `regions[0]` of each copy.
        """
        tensors = _Copies(parts, own_maps, regions)
        run_up(self.steps, tensors, regions, _run)
        return [tensors.whole(number) for number in self.outputs]


@dataclasses.dataclass(frozen=True)
class Plan:
    """Which part of every map boxes can change."""

    regions: dict  # number of a tensor -> its `Boxes`, one for each box

    @property
    def sizes(self) -> tuple:
        """What the graph depends on: (number, (height, width)) of each region."""
        return tuple((number, region.size) for number, region in self.regions.items())

    @property
    def starts(self) -> list:
        """The upper left corners of the regions: of each an int32 array (n, 2)."""
        return [
            np.stack([span.start for span in region], axis=1).astype(np.int32)
            for region in self.regions.values()
        ]


def regions_of(sizes, starts) -> dict:
    """Regions of a batch: `Plan.sizes` with rows of `Plan.starts`, int32 (n, 2)."""
    return {
        number: Boxes(*map(Span, ops.unstack(rows, axis=1), size))
        for (number, size), rows in zip(sizes, starts, strict=True)
    }


def cut_out(image, boxes: Boxes):
    """Cuts boxes out of an image: tensor (n, *boxes.size, channels)."""
    zeros = ops.zeros_like(boxes.rows.start)
    return Cutter(ops.stack([zeros, zeros], axis=1), zeros).cut(image[None], boxes)


class _Copies(Tensors):
    """The maps of the copies: whole, or parts of them in the image's own."""

    def __init__(self, parts, own_maps, regions):
        super().__init__(None)
        self.parts[0] = parts
        self.own_maps, self.regions = own_maps, regions
        each = ops.arange(ops.shape(parts)[0], dtype="int32")
        self.cutter = Cutter(ops.zeros([ops.shape(parts)[0], 2], "int32"), each)

    def whole(self, number):
        if number not in self.wholes:
            height, width = self.own_maps[number].shape[1:3]
            everything = Boxes(Span(0, height), Span(0, width))
            self.wholes[number] = self._overlaid(number, everything)
        return self.wholes[number]

    def part(self, number, wanted, shape, step):
        outside = step.rule.outside
        if number not in self.wholes:
            return self._overlaid(number, wanted, outside)
        part = self.cutter.cut(self.wholes[number], wanted)
        return self.cutter.inside(part, wanted, shape, outside)

    def _overlaid(self, number, wanted, outside=0.0):
        """Reads a part of the image's own map with the changed part in its place."""
        own, changed = self.own_maps[number], self.parts[number]
        _, height, width, channels = own.shape
        region = self.regions[number]
        y, x = self.cutter.places(wanted)
        rows = y - region.rows.start[:, None]
        columns = x - region.columns.start[:, None]
        # All pixels there are, in one list: a single gather takes them from there.
        # A rule that passes a part on leaves it as exact as it was; the layer may not.
        changed = ops.cast(changed, own.dtype)
        pixels = [ops.reshape(maps, [-1, channels]) for maps in (own, changed)]
        pixels.append(ops.full([1, channels], outside, own.dtype))
        pixels = ops.concatenate(pixels, axis=0)
        place = self.cutter.rows[:, None] * region.rows.size + rows
        place = place[:, :, None] * region.columns.size + columns[:, None, :]
        place += height * width
        index = y[:, :, None] * width + x[:, None, :]
        index = ops.where(are_inside(rows, columns, region.size), place, index)
        last = ops.shape(pixels)[0] - 1
        index = ops.where(are_inside(y, x, (height, width)), index, last)
        return ops.take(pixels, index, axis=0)


def _usable_rule(call):
    """Returns the rule of a call; `None` if the layer must run itself."""
    try:
        return require_rule(call)
    except UsageError:
        rule = find_rule(call.operation)
        if rule is not None and rule.has_activation:
            raise  # the layer itself would apply its activation, then a step of its own
        return None


def _run(step, call, inputs):
    """Runs a step; a layer that runs itself remembers nothing."""
    if step.rule is not None and (call.windowed or step.rule.has_activation):
        return step.rule.forward(call, *inputs)[0]
    return call.run(*inputs)
