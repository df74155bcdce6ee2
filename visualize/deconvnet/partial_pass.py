"""A network on copies of an image that differ from it in one box each: the difference.

What lies outside a box reaches only a part of each map, the larger the deeper. That
part is computed for each copy, the rest once for the image.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from visualize.deconvnet.graph import Graph, calls
from visualize.deconvnet.regions import Region, cut, reached
from visualize.deconvnet.rules import Options, find_rule, require_rule
from zfkeras.errors import UsageError

# Beyond this share of a map its part is no gain over the whole map.
WORTHWHILE_SHARE = 0.7

# What a rule remembers for its way down is not asked for here: the least of it.
_OPTIONS = Options("deconvnet", "identity")


class PartialPass:
    """Runs a model on copies of an image; computes only what their boxes can change."""

    def __init__(self, model: keras.Model, paths=()):
        graph = Graph(model)
        asked = [graph.tensor(path) for path in paths]
        self.outputs = (*asked, *graph.outputs)
        self.shapes = graph.shapes
        self.passes = [
            (step, call, _usable_rule(call))
            for step, call in calls(graph.steps_to(self.outputs), _OPTIONS)
        ]

    def plan(self, boxes: np.ndarray) -> "Plan":
        """Plans which part of each map the boxes can change.

        boxes: int array (n, 4).
        """
        regions = {0: Region.around(boxes)}
        for step, call, rule in self.passes:
            region, axes = None, self._axes(step, call, rule)
            below = [regions.get(number) for number in step.inputs]
            if axes is not None and all(below):
                shape = self.shapes[step.outputs[0]]
                region = reached(below, axes, call.input_shapes, shape)
                shares = [
                    region.below(axes, shape).share(shape)
                    for shape in call.input_shapes
                ]
                if max(shares) > WORTHWHILE_SHARE:
                    region = None
            regions[step.outputs[0]] = region
        del regions[0]  # each copy of the image is there as a whole
        return Plan({number: part for number, part in regions.items() if part})

    def own_maps(self, image, plan: "Plan") -> dict:
        """Maps of the unchanged image for each tensor that has a region.

        image: float tensor (1, height, width, channels).
        """
        tensors = {0: image}
        for step, call, rule in self.passes:
            inputs = [tensors[number] for number in step.inputs]
            tensors.update(zip(step.outputs, _run(rule, call, inputs), strict=True))
        return {number: tensors[number] for number in plan.regions}

    def run(self, copies, own_maps, regions) -> list:
        """Returns the outputs of the copies: of each layer asked for, then the model's.

        copies: float tensor (n, height, width, channels).
        """
        maps = _Maps(copies, own_maps, regions)
        for step, call, rule in self.passes:
            region = regions.get(step.outputs[0])
            if region is None:
                inputs = [maps.whole(number) for number in step.inputs]
            else:
                axes = rule.axes(call)
                inputs = [
                    maps.part(number, region.below(axes, shape), rule.outside)
                    for number, shape in zip(
                        step.inputs, call.input_shapes, strict=True
                    )
                ]
                call = dataclasses.replace(call, windowed=True)
            made = zip(step.outputs, _run(rule, call, inputs), strict=True)
            (maps.parts if region else maps.wholes).update(made)
        return [maps.whole(number) for number in self.outputs]

    def _axes(self, step, call, rule):
        shapes = [*call.input_shapes, self.shapes[step.outputs[0]]]
        if rule is None or any(len(s) != 3 or None in s for s in shapes):
            return None
        return rule.axes(call)


@dataclasses.dataclass(frozen=True)
class Plan:
    """Which part of every map boxes can change."""

    regions: dict  # number of a tensor -> its `Region`, a row for each box

    @property
    def sizes(self) -> tuple:
        """What the graph depends on: (number, (height, width)) of each region."""
        return tuple((number, region.size) for number, region in self.regions.items())

    @property
    def starts(self) -> list:
        """What it takes as input: int32 arrays (n, 2), one of each region."""
        return [region.starts.astype(np.int32) for region in self.regions.values()]


def regions_of(sizes, starts) -> dict:
    """Regions of a batch: `Plan.sizes` with rows of `Plan.starts`, int32 (n, 2)."""
    pairs = zip(sizes, starts, strict=True)
    return {number: Region(rows, size) for (number, size), rows in pairs}


class _Maps:
    """The maps of the copies: whole, or parts of them and the image's own."""

    def __init__(self, copies, own_maps, regions):
        self.wholes, self.parts = {0: copies}, {}
        self.own_maps, self.regions = own_maps, regions

    def whole(self, number):
        if number not in self.wholes:
            height, width = self.own_maps[number].shape[1:3]
            starts = tf.zeros_like(self.regions[number].starts)
            everything = Region(starts, (height, width))
            self.wholes[number] = self.part(number, everything)
        return self.wholes[number]

    def part(self, number, wanted, outside=0.0):
        if number in self.wholes:
            return cut(self.wholes[number], wanted, outside)
        known = (self.parts[number], self.regions[number])
        return cut(self.own_maps[number], wanted, outside, known)


def _usable_rule(call):
    """The rule of a call if it can serve here, `None` if the layer must run itself."""
    try:
        return require_rule(call)
    except UsageError:
        rule = find_rule(call.operation)
        if rule is not None and rule.has_activation:
            raise  # the layer itself would apply its activation, then a step of its own
        return None


def _run(rule, call, inputs) -> list:
    shapes = tuple(tuple(part.shape[1:]) for part in inputs)
    call = dataclasses.replace(call, input_shapes=shapes)
    if rule is not None and (call.windowed or rule.has_activation):
        made = rule.forward(call, *inputs)[0]
    else:  # the layer itself remembers nothing
        made = call.run(*inputs)
    return [*made] if isinstance(made, (list, tuple)) else [made]
