"""Up through a network to one layer, and down again: tensors in, tensors out.

Nothing here is seen by users; `visualize.deconvnet` checks, batches and compiles it.
"""

import dataclasses

import tensorflow as tf

from visualize.graph import Target
from visualize.rules import Call, Options, require_rule


class Projector:
    """The calls below one layer, each with its rule.

    Args:
        target: the layer.
        options: what is asked of the way down.

    Raises:
        UsageError: a layer on the way that no rule serves.
    """

    def __init__(self, target: Target, options: Options):
        self.target = target
        read = {number for step in target.steps for number in step.inputs}
        self.passes = []
        for step in target.steps:
            call = Call(
                step.operation,
                step.path,
                step.arguments,
                options,
                step.input_shapes,
                tuple(number in read for number in step.outputs),
            )
            self.passes.append((step, call, require_rule(call)))

    def up(self, images):
        """Runs the network to the layer.

        Args:
            images: float tensor (n, height, width, channels).

        Returns:
            maps: the layer's output.
            memories: what each rule remembers, a row for each image.
            calls: each call with the shapes of its inputs.
        """
        tensors = {0: images}
        memories, calls = [], []
        for step, call, rule in self.passes:
            inputs = [tensors[number] for number in step.inputs]
            call = dataclasses.replace(call, input_shapes=tuple(map(_shape, inputs)))
            outputs, memory = rule.forward(call, *inputs)
            made = outputs if isinstance(outputs, (list, tuple)) else [outputs]
            tensors.update(zip(step.outputs, made, strict=True))
            memories.append(memory)
            calls.append(call)
        return tensors[self.target.tensor], memories, calls

    def down(self, signal, memories, calls):
        """Takes a signal from the layer to the image.

        Args:
            signal: float tensor in the shape of the layer's output, a row for a pair.
            memories: as `up` gave them, with a row for each pair.
            calls: as `up` gave them.
        """
        signals = {self.target.tensor: signal}
        reverse = reversed([*zip(self.passes, memories, calls, strict=True)])
        for (step, _, rule), memory, call in reverse:
            parts = tuple(signals.pop(number, None) for number in step.outputs)
            if all(part is None for part in parts):
                continue
            below = rule.backward(call, parts if len(parts) > 1 else parts[0], memory)
            below = below if isinstance(below, (list, tuple)) else [below]
            for number, part in zip(step.inputs, below, strict=True):
                if part is not None:
                    known = signals.get(number)
                    signals[number] = part if known is None else known + part
        return signals[0]


def take_rows(memories, rows):
    """What the rules remember, with the row of its image for each pair.

    Args:
        memories: tensors (n_images, ...), in any structure.
        rows: int tensor (n_pairs,).
    """
    return tf.nest.map_structure(
        lambda kept: None if kept is None else tf.gather(kept, rows), memories
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
