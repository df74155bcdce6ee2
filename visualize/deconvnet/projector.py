"""Runs a network up to one layer and a signal down again."""

import dataclasses

import tensorflow as tf

from visualize.deconvnet.graph import Target, calls
from visualize.deconvnet.rules import Options, require_rule
from visualize.deconvnet.windows import Cutter, is_pointwise, plan_windows, windows_cost


@dataclasses.dataclass(frozen=True)
class Ascent:
    """Result of the way up, for the way down."""

    maps: tf.Tensor  # the layer's output of each image, or of each pair its window
    memories: list  # what each rule remembers, likewise
    calls: list  # each call with the shapes of its inputs where they are whole
    cut: bool  # whether what has a window was computed inside it only
    image_shape: tuple  # (height, width, channels)


class Projector:
    """The calls below one layer, each with its rule."""

    def __init__(self, target: Target, options: Options):
        self.target = target
        self.passes = [
            (step, call, require_rule(call))
            for step, call in calls(target.steps, options)
        ]
        self.windows = plan_windows(self.passes, target.tensor)
        self._cost = windows_cost(self.passes, self.windows)
        self._last = self._last_filter(options)

    @property
    def has_window(self) -> bool:
        """Whether one unit of the layer sees less than everything."""
        return bool(self.passes) and self.windows[self.target.tensor] is not None

    @property
    def has_filters_last(self) -> bool:
        """Whether some channels of the layer can be computed without the others."""
        return self._last is not None

    def _last_filter(self, options):
        """The place of the filter behind which each channel goes its own way."""
        if options.method != "deconvnet":  # the others remember all channels of a ReLU
            return None
        for place, (_, call, rule) in reversed([*enumerate(self.passes)]):
            if not rule.is_elementwise:
                return place if rule.can_narrow(call) else None
        return None

    def cutting_pays(self, n_pairs: int, n_images: int) -> bool:
        """Whether computing the pairs' windows costs less than computing the images."""
        one_unit, one_image = self._cost
        return self.has_window and n_pairs * one_unit < n_images * one_image

    def up(self, images, cutter: Cutter | None = None, channels=None) -> Ascent:
        """Runs the network to the layer.

        images: float tensor (n_images, height, width, channels); channels: int tensor
        (n,).
        """
        window = self.windows.get(0)
        whole = cutter is None or window is None
        tensors = {0: images if whole else cutter.cut(images, window)}
        memories, calls = [], []
        for place, (step, call, rule) in enumerate(self.passes):
            inputs = [tensors[number] for number in step.inputs]
            if cutter is None or self.windows[step.outputs[0]] is None:
                shapes = tuple(map(_shape, inputs))
                call = dataclasses.replace(call, input_shapes=shapes)
                if place == self._last and channels is not None:
                    outputs, memory = rule.forward_channels(call, channels, *inputs)
                else:
                    outputs, memory = rule.forward(call, *inputs)
            else:
                inputs = self._cut_inputs(step, call, rule, inputs, cutter)
                outputs, memory = rule.forward(_inside(call, inputs), *inputs)
            made = outputs if isinstance(outputs, (list, tuple)) else [outputs]
            tensors.update(zip(step.outputs, made, strict=True))
            memories.append(memory)
            calls.append(call)
        maps = tensors[self.target.tensor]
        image_shape = _shape(images)
        return Ascent(maps, memories, calls, cutter is not None, image_shape)

    def _cut_inputs(self, step, call, rule, inputs, cutter):
        """The windows a call reads, of whole tensors or of larger windows."""
        axes = rule.axes(call)
        parts = []
        for number, tensor, shape in zip(
            step.inputs, inputs, call.input_shapes, strict=True
        ):
            wanted = self.windows[step.outputs[0]].below(axes, shape)
            if self.windows[number] is None:
                part = cutter.cut(tensor, wanted)
            else:
                (top, _), (left, _) = wanted.margins(self.windows[number])
                height, width = wanted.size
                part = tensor[:, top : top + height, left : left + width]
            if not is_pointwise(axes):
                part = cutter.inside(part, wanted, shape, rule.outside)
            parts.append(part)
        return parts

    def down(self, signal, ascent: Ascent, cutter: Cutter, windows=None):
        """Takes a signal from the layer to the image.

        signal: float tensor (n_pairs, ...); returns float tensor (n_pairs, height,
        width, channels).
        """
        windows = windows or {}
        signals = {self.target.tensor: signal}
        passes = [*zip(self.passes, ascent.memories, ascent.calls, strict=True)]
        for (step, known_call, rule), memory, call in reversed(passes):
            parts = tuple(signals.pop(number, None) for number in step.outputs)
            if all(part is None for part in parts):
                continue
            part = parts if len(parts) > 1 else parts[0]
            if windows.get(step.outputs[0]) is None:
                memory = _mapped(lambda kept: tf.gather(kept, cutter.rows), memory)
                below = _several(rule.backward(call, part, memory))
            else:
                below = self._down_inside(
                    step, known_call, rule, part, memory, windows, ascent.cut, cutter
                )
            for number, part in zip(step.inputs, below, strict=True):
                if part is not None:
                    known = signals.get(number)
                    signals[number] = part if known is None else known + part
        window = windows.get(0)
        if window is None:
            return signals[0]
        return cutter.place(signals[0], window, ascent.image_shape)

    def _down_inside(self, step, call, rule, part, memory, windows, is_cut, cutter):
        """One layer down inside windows; each input in the form its signals have."""
        window = windows[step.outputs[0]]
        if not is_cut:
            memory = _mapped(lambda kept: cutter.cut(kept, window), memory)
        axes = rule.axes(call)
        cuts = [window.below(axes, shape) for shape in call.input_shapes]
        inside = dataclasses.replace(
            call,
            windowed=True,
            input_shapes=tuple(
                (*cut.size, shape[-1])
                for cut, shape in zip(cuts, call.input_shapes, strict=True)
            ),
        )
        signals = _several(rule.backward(inside, part, memory))
        placed = []
        for number, signal, cut, shape in zip(
            step.inputs, signals, cuts, call.input_shapes, strict=True
        ):
            around = windows[number]
            if around is None:
                signal = cutter.place(signal, cut, shape)
            else:
                if memory is not None or not is_pointwise(axes):
                    signal = cutter.inside(signal, cut, shape)
                if around != cut:
                    margins = cut.margins(around)
                    signal = tf.pad(signal, [[0, 0], *margins, [0, 0]])
            placed.append(signal)
        return placed


def _inside(call, inputs):
    shapes = tuple(tuple(part.shape[1:]) for part in inputs)
    return dataclasses.replace(call, windowed=True, input_shapes=shapes)


def _several(signals):
    return signals if isinstance(signals, (list, tuple)) else [signals]


def _mapped(function, memory):
    """Applies a function to every tensor a rule remembers."""
    return tf.nest.map_structure(
        lambda kept: None if kept is None else function(kept), memory
    )


def _shape(tensor):
    """Without the batch axis: whole numbers where known, else scalar tensors."""
    if tensor is None:
        return None
    known, run_time = tensor.shape[1:], tf.shape(tensor)
    return tuple(
        run_time[axis] if length is None else length
        for axis, length in enumerate(known, start=1)
    )
