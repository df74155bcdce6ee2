"""A Keras model as steps that have rules; activations become steps of their own."""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterable

import keras

from visualize.deconvnet.rules import Call, Options, Rule, Slot, find_rule
from visualize.deconvnet.rules.activations import Probability
from visualize.deconvnet.rules.gates import rule_of_gate
from zfkeras.errors import UsageError
from zfkeras.graph.boxes import Boxes
from zfkeras.graph.layer_graph import LayerGraph
from zfkeras.graph.receptive_field import receptive_field


@dataclasses.dataclass(frozen=True, eq=False)
class Step:
    """One call of a layer, an operation or an activation function."""

    call: Call  # as rules see it
    inputs: tuple  # numbers of the tensors it reads
    outputs: tuple  # numbers of the tensors it makes
    rule: Rule | None = None

    @property
    def input_shapes(self) -> tuple:
        """Of each input, without the batch axis, `None` where unknown."""
        return self.call.input_shapes

    @functools.cached_property
    def axes(self):
        """Its windows along height and width; `None` where it needs whole tensors."""
        known = all(len(s) == 3 and None not in s for s in self.input_shapes)
        return self.rule.axes(self.call) if known and self.rule else None


class Graph:
    """The steps of a functional or sequential model, in the order they run."""

    def __init__(self, model: keras.Model, options: Options):
        self.layers = LayerGraph(model)
        shapes = [tuple(image.shape) for image in model.inputs]
        if len(shapes) != 1 or len(shapes[0]) != 4:
            raise UsageError(
                argument="model",
                expected="a network with one image (batch, height, width, channels) as "
                "its input",
                received=f"input shapes={shapes}",
            )
        self.outputs = self.layers.outputs
        self.shapes = {}  # of each tensor, without the batch axis
        self.steps = []
        self._made_by = {}  # number of each tensor -> the call that made it
        before_activations = itertools.count(-1, -1)
        for call in self.layers.calls:
            if call.is_input and call.around:
                continue  # the tensor has its number and its shape from outside
            shapes = [tuple(tensor.shape[1:]) for tensor in call.node.output_tensors]
            self.shapes |= zip(call.outputs, shapes, strict=True)
            if call.runs:
                self._append(call, options, before_activations)

    def tensor(self, layer: int | str) -> int:
        """Returns the number of a layer's output."""
        return self.layers.call(layer).outputs[0]

    def field(self, path: str) -> Boxes | None:
        """Returns the pixels that a unit's signal can reach; `None` if unknown.

        These are the receptive field of the unit, gates held.
        """
        counts = {}
        for step in self.steps:
            rule = find_rule(step.call.operation, step.call.options.rules) or Rule()
            counts[step.outputs] = rule.carries(step.call)
        nodes = {id(c.node): counts.get(c.outputs) for c in self.layers.calls}
        try:
            return receptive_field(
                self.layers.model,
                self.layers.tensor(path),
                lambda call: nodes.get(id(call.node)) or (True,) * len(call.inputs),
            )
        except UsageError:
            return None

    def logit(self, tensor: int) -> int:
        """Returns a tensor, or what it was before a final softmax or sigmoid."""
        made_by = {number: step for step in self.steps for number in step.outputs}
        while tensor and _gives_probabilities(made_by[tensor]):
            (tensor,) = made_by[tensor].inputs
        return tensor

    def steps_to(
        self, tensors: Iterable[int], rule_of: Callable[[Call], Rule | None]
    ) -> tuple[Step, ...]:
        """Returns the steps that some tensors depend on, each with its rule."""
        needed, carrying, kept = {*tensors}, {*tensors}, []
        for step in reversed(self.steps):
            if not needed & {*step.outputs}:
                continue
            used = tuple(number in needed for number in step.outputs)
            call = dataclasses.replace(step.call, used_outputs=used)
            gives = rule_of
            if carrying & {*step.outputs}:
                rule = find_rule(call.operation, call.options.rules) or Rule()
                inputs = zip(step.inputs, rule.carries(call), strict=True)
                carrying |= {number for number, carries in inputs if carries}
            else:
                gives = rule_of_gate
            kept.append((dataclasses.replace(step, call=call), gives))
            needed |= {*step.inputs}
        return tuple(
            dataclasses.replace(step, rule=gives(step.call))
            for step, gives in reversed(kept)
        )

    def _append(self, call, options, numbers):
        rule = find_rule(call.operation, options.rules)
        arguments, shapes = _arguments(call.node), call.input_shapes
        sources = tuple(map(self._made_by.get, call.inputs))
        inside = Call(call.operation, call.path, arguments, options, shapes, sources)
        self._made_by |= dict.fromkeys(call.outputs, inside)
        if rule is None or not rule.has_activation:
            self.steps.append(Step(inside, call.inputs, call.outputs))
            return
        between, shape = (next(numbers),), self.shapes[call.outputs[0]]
        self.shapes[between[0]] = shape
        activation = call.operation.activation
        slots = ((Slot(0),), {})
        after = Call(activation, call.path, slots, options, (shape,), (inside,))
        self._made_by |= dict.fromkeys(call.outputs, after)
        self.steps += [
            Step(inside, call.inputs, between),
            Step(after, between, call.outputs),
        ]


def _arguments(node) -> tuple:
    """Returns (positional, by name) of a call; a `Slot` for each input tensor."""
    slots = {}
    for number, tensor in enumerate(node.input_tensors):
        slots.setdefault(id(tensor), []).append(Slot(number))
    places = {key: iter(several) for key, several in slots.items()}
    return keras.tree.map_structure(
        lambda leaf: next(places[id(leaf)]) if id(leaf) in places else leaf,
        (tuple(node.arguments.args), dict(node.arguments.kwargs)),
    )


def _gives_probabilities(step) -> bool:
    return isinstance(find_rule(step.call.operation), Probability)
