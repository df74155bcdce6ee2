"""Flattens a Keras model to a list of calls; activations become calls of their own."""

import dataclasses

import keras

from visualize.deconvnet.checks import check_graph
from visualize.deconvnet.rules import Call, Options, Slot, find_rule
from visualize.deconvnet.rules.activations import Probability
from zfkeras.errors import UsageError
from zfkeras.graph.layer_calls import calls_in_order, find_only, is_graph


@dataclasses.dataclass(frozen=True)
class Step:
    """One call of a layer, an operation or an activation function."""

    operation: object  # what is called
    path: str  # its name with those of the models around it: "resnet50.conv1_conv"
    arguments: tuple  # (positional, by name) with a `Slot` for each input tensor
    inputs: tuple  # numbers of the tensors it reads
    outputs: tuple  # numbers of the tensors it makes
    input_shapes: tuple  # of each input, without the batch axis, `None` where unknown


@dataclasses.dataclass(frozen=True)
class Target:
    """The tensor a projection starts from, and the calls it depends on."""

    tensor: int  # its number. Tensor 0 is the image
    steps: tuple  # the calls between image and tensor, in the order they run
    path: str  # the layer's name
    shape: tuple  # of the tensor, without the batch axis, `None` where unknown


class Graph:
    """The calls of a functional or sequential model, in the order they run."""

    def __init__(self, model: keras.Model):
        check_graph(model)
        shapes = [tuple(image.shape) for image in model.inputs]
        if len(shapes) != 1 or len(shapes[0]) != 4:
            raise UsageError(
                "`model` must have one image (batch, height, width, channels) as its "
                f"input. Received: input shapes={shapes}."
            )
        self.steps = []
        self.paths = {}
        self.shapes = {0: shapes[0][1:]}
        self._count = 1
        self.outputs = self._expand(model, [0], "")

    def target(self, path: str) -> Target:
        """Returns a layer's output, before a final softmax or sigmoid."""
        made_by = {number: step for step in self.steps for number in step.outputs}
        tensor = self.tensor(path)
        while tensor and _gives_probabilities(made_by[tensor].operation):
            (tensor,) = made_by[tensor].inputs
        return Target(tensor, self.steps_to([tensor]), path, self.shapes[tensor])

    def tensor(self, path: str) -> int:
        """Returns the number of a layer's output tensor."""
        return find_only(self.paths, path)

    def steps_to(self, tensors) -> tuple:
        """Returns the calls that some tensors depend on, in the order they run."""
        needed, kept = {*tensors}, []
        for step in reversed(self.steps):
            if needed & {*step.outputs}:
                needed |= {*step.inputs}
                kept.append(step)
        return tuple(reversed(kept))

    def _expand(self, model, inputs, prefix):
        """Appends the calls of a model; returns the numbers of its outputs."""
        pairs = zip(model.inputs, inputs, strict=True)
        numbers = {id(image): number for image, number in pairs}
        for image, number in zip(model.inputs, inputs, strict=True):
            name = image._keras_history.operation.name
            self.paths.setdefault(f"{prefix}{name}", []).append(number)
        for operation, node in calls_in_order(model):
            sources = tuple(numbers[id(tensor)] for tensor in node.input_tensors)
            path = f"{prefix}{operation.name}"
            if is_graph(operation):
                made = self._expand(operation, sources, f"{path}.")
            else:
                made = self._append(operation, path, node, sources)
            self.paths.setdefault(path, []).append(made[0])
            for tensor, number in zip(node.output_tensors, made, strict=True):
                numbers[id(tensor)] = number
                self.shapes[number] = tuple(tensor.shape[1:])
        return [numbers[id(tensor)] for tensor in model.outputs]

    def _append(self, operation, path, node, sources):
        slots = {}
        for number, tensor in enumerate(node.input_tensors):
            slots.setdefault(id(tensor), []).append(Slot(number))
        places = {key: iter(several) for key, several in slots.items()}
        arguments = keras.tree.map_structure(
            lambda leaf: next(places[id(leaf)]) if id(leaf) in places else leaf,
            (tuple(node.arguments.args), dict(node.arguments.kwargs)),
        )
        shapes = tuple(tuple(tensor.shape[1:]) for tensor in node.input_tensors)
        made = self._new(len(node.output_tensors))
        self.steps.append(Step(operation, path, arguments, sources, made, shapes))
        rule = find_rule(operation)
        if rule is None or not rule.has_activation:
            return made
        activation = operation.activation
        after = self._new(1)
        shape = (tuple(node.output_tensors[0].shape[1:]),)
        self.shapes[made[0]] = shape[0]
        self.steps.append(Step(activation, path, ((Slot(0),), {}), made, after, shape))
        return after

    def _new(self, count):
        first, self._count = self._count, self._count + count
        return tuple(range(first, self._count))


def _gives_probabilities(operation) -> bool:
    return isinstance(find_rule(operation), Probability)


def calls(steps, options: Options) -> list:
    """Pairs each step with the `Call` that rules take."""
    read = {number for step in steps for number in step.inputs}
    return [
        (
            step,
            Call(
                step.operation,
                step.path,
                step.arguments,
                options,
                step.input_shapes,
                tuple(number in read for number in step.outputs),
            ),
        )
        for step in steps
    ]
