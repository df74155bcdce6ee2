"""Runs a network up to one layer and a signal down again."""

import dataclasses
from typing import Any

import keras
from keras import ops

from visualize.deconvnet.graph import Graph
from visualize.deconvnet.rules import POINTWISE, require_rule
from visualize.deconvnet.walk import Tensors, run_up, several
from visualize.deconvnet.windows import Cutter, plan_windows, windows_cost


@dataclasses.dataclass(frozen=True)
class Ascent:
    """Result of the way up, for the way down."""

    maps: Any  # the layer's output of each image, or of each pair its window
    memories: list  # what each rule remembers, likewise; `_Late` where it does later
    calls: list  # each call with the shapes of its inputs
    cut: bool  # whether what has a window was computed inside it only


@dataclasses.dataclass(frozen=True)
class _Late:
    """Inputs of a step that remembers on the way down, inside the windows only."""

    inputs: tuple


class Projector:
    """The steps below one layer, each with its rule."""

    def __init__(self, graph: Graph, path: str):
        self.path = path
        self.tensor = graph.logit(graph.tensor(path))
        self.shape = graph.shapes[self.tensor]  # `None` where unknown
        self.steps = graph.steps_to([self.tensor], require_rule)
        self.windows = plan_windows(self.steps, self.tensor)
        self._cost = windows_cost(self.steps, self.windows)
        self._last = self._last_filter()

    @property
    def has_window(self) -> bool:
        """Whether one unit of the layer sees less than everything."""
        return bool(self.steps) and self.windows[self.tensor] is not None

    def narrows(self, each: bool) -> bool:
        """Says whether single channels can be computed alone, or one of each image."""
        last = self._last
        return last is not None and last.rule.can_narrow(last.call, each)

    def _last_filter(self):
        """Finds the layer behind which each channel goes its own way."""
        for step in reversed(self.steps):
            if step.call.options.method != "deconvnet":
                return None  # the others remember all channels of a ReLU
            if not step.rule.is_elementwise:
                return step
        return None

    def cutting_pays(self, n_pairs: int, n_images: int) -> bool:
        """Says whether the pairs' windows cost less to compute than the images."""
        one_unit, one_image = self._cost
        return self.has_window and n_pairs * one_unit < n_images * one_image

    def up(
        self, images, cutter: Cutter | None = None, channels=None, *, late=False
    ) -> Ascent:
        """Runs the network to the layer.

        images: float tensor (n_images, height, width, channels); cutter: `None` for
        whole maps; channels: int tensor of those that are computed last, as
        `Rule.forward_channels` takes it; late: whether the way down, inside windows,
        may make what it needs itself.
        """
        windows = {} if cutter is None else self.windows
        tensors = _Windows(images, windows, cutter)
        memories, calls = [], []

        def run(step, call, inputs):
            if step is self._last and channels is not None:
                made, memory = step.rule.forward_channels(call, channels, *inputs)
            elif late and step.rule.remembers_late and self._is_windowed(step):
                made, memory = step.rule.outputs(call, *inputs), _Late((*inputs,))
            else:
                made, memory = step.rule.forward(call, *inputs)
            memories.append(memory)
            calls.append(call)
            return made

        run_up(self.steps, tensors, windows, run)
        known = tensors.wholes | tensors.parts
        maps, is_cut = known[self.tensor], cutter is not None
        return Ascent(maps, memories, calls, is_cut)

    def _is_windowed(self, step) -> bool:
        return self.windows.get(step.outputs[0]) is not None

    def down(self, signal, ascent: Ascent, cutter: Cutter, windows=None):
        """Takes a signal from the layer to the image.

        signal: float tensor (n_pairs, ...); returns float tensor (n_pairs, height,
        width, channels), of the image or, where it has one, of its window.
        """
        windows = windows or {}
        signals = {self.tensor: signal}
        passes = [*zip(self.steps, ascent.calls, ascent.memories, strict=True)]
        for step, call, memory in reversed(passes):
            parts = tuple(signals.pop(number, None) for number in step.outputs)
            if all(part is None for part in parts):
                continue
            part = parts if len(parts) > 1 else parts[0]
            if windows.get(step.outputs[0]) is None:
                memory = _mapped(
                    lambda kept: ops.take(kept, cutter.rows, axis=0), memory
                )
                below = several(step.rule.backward(call, part, memory))
            else:
                below = _down_inside(step, part, memory, windows, ascent.cut, cutter)
            for number, part in zip(step.inputs, below, strict=True):
                if part is not None:
                    known = signals.get(number)
                    signals[number] = part if known is None else known + part
        return signals[0]


class _Windows(Tensors):
    """The tensors on the way up: of each image, or where planned of each pair."""

    def __init__(self, images, windows, cutter):
        super().__init__(images)
        self.windows, self.cutter = windows, cutter
        if windows.get(0) is not None:
            self.parts[0] = cutter.cut(images, windows[0])

    def part(self, number, wanted, shape, step):
        around = self.windows[number]
        if around is None:
            part = self.cutter.cut(self.wholes[number], wanted)
        else:
            (top, _), (left, _) = wanted.margins(around)
            height, width = wanted.size
            part = self.parts[number][:, top : top + height, left : left + width]
        if step.axes is POINTWISE:  # what lies outside goes nowhere
            return part
        return self.cutter.inside(part, wanted, shape, step.rule.outside)


def _down_inside(step, part, memory, windows, is_cut, cutter):
    """Goes one step down inside windows; signals come in the form they are added in."""
    window = windows[step.outputs[0]]
    shapes = step.input_shapes
    cuts = [window.below(step.axes, shape) for shape in shapes]
    sizes = [(*cut.size, shape[-1]) for cut, shape in zip(cuts, shapes, strict=True)]
    call = dataclasses.replace(step.call, windowed=True, input_shapes=tuple(sizes))
    if isinstance(memory, _Late):
        inputs = [
            cutter.inside(cutter.cut(kept, cut), cut, shape, step.rule.outside)
            for kept, cut, shape in zip(memory.inputs, cuts, shapes, strict=True)
        ]
        memory = step.rule.forward(call, *inputs)[1]
    elif not is_cut:
        memory = _mapped(lambda kept: cutter.cut(kept, window), memory)
    signals = several(step.rule.backward(call, part, memory))
    placed = []
    for number, signal, cut, shape in zip(
        step.inputs, signals, cuts, shapes, strict=True
    ):
        if signal is None:  # a gate
            placed.append(None)
            continue
        around = windows[number]
        if around is None:
            signal = cutter.place(signal, cut, shape)
        else:
            if memory is not None or step.axes is not POINTWISE:
                signal = cutter.inside(signal, cut, shape)
            if around != cut:
                margins = cut.margins(around)
                signal = ops.pad(signal, [[0, 0], *margins, [0, 0]])
        placed.append(signal)
    return placed


def _mapped(function, memory):
    """Applies a function to every tensor a rule remembers."""
    return keras.tree.map_structure(
        lambda kept: None if kept is None else function(kept), memory
    )
