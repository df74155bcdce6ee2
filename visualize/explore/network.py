"""What the explorer asks of a network about one photograph."""

import dataclasses
import functools
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from visualize.deconvnet.deconvnet import METHODS, Deconvnet
from visualize.figures.occlusion.maps import OcclusionMaps
from visualize.figures.occlusion.sliding_occluder import SlidingOccluder
from visualize.strongest.patches import boxes
from zfkeras.errors import RunError, UsageError
from zfkeras.graph.boxes import Boxes, Span
from zfkeras.graph.layer_graph import LayerGraph
from zfkeras.graph.layer_outputs import as_maps, compile_outputs
from zfkeras.io.progress import Progress
from zfkeras.models.classifier import Classifier

_MOST_LAYERS = 8
_TINY = 1e-30  # so that a probability of 0 has a logarithm
_AT_ONCE = 16  # copies of them in a batch, between which the work can be stopped
_PLACES = 14  # of the occluding square along a side


@dataclasses.dataclass(frozen=True, eq=False)
class ShownLayer:
    """A layer of the page."""

    key: int | str  # the paper's number, or a name
    path: str  # its name
    title: str
    shape: tuple[int, int, int]  # of its maps: height, width, channels
    field: Boxes  # of its units; the whole image where it is not known
    knows_field: bool
    refusal: str | None  # why its units cannot be projected; `None` if they can


@dataclasses.dataclass(frozen=True)
class Unit:
    """A unit of a layer: a channel at a place of its map."""

    layer: ShownLayer
    channel: int
    position: tuple[int, int]


@dataclasses.dataclass(frozen=True, eq=False)
class Look:
    """What the network computed of a photograph."""

    inputs: np.ndarray  # float32 array (1, height, width, channels)
    maps: dict[int | str, np.ndarray]  # float32 arrays (height, width, channels)
    probabilities: np.ndarray  # float32 array (classes,)

    def strongest(self, layer: int | str) -> tuple[np.ndarray, np.ndarray]:
        """Ranks a layer's channels by their strongest activation; those, in order."""
        strengths = self.maps[layer].max(axis=(0, 1))
        order = np.argsort(-strengths, kind="stable")
        return order, strengths[order]

    def place(self, layer: int | str, channel: int) -> tuple[int, int]:
        """Finds where a channel is strongest; the first of equals."""
        one = self.maps[layer][..., channel]
        y, x = np.unravel_index(one.argmax(), one.shape)
        return int(y), int(x)


class ExploredNetwork:
    """A network whose layers are listed, looked at and projected."""

    def __init__(self, classifier: Classifier, rules: str):
        self.classifier = classifier
        self.rules = rules
        model = classifier.model
        self._graph = LayerGraph(model)
        self.deconvnets = {
            method: Deconvnet(model, method=method, rules=rules) for method in METHODS
        }
        keys = self._graph.usual_layers(most=_MOST_LAYERS)
        number = self._graph.outputs[0]
        answer = next(c.path for c in self._graph.calls if number in c.outputs)
        if answer not in map(self._graph.path, keys):
            keys.append(answer)
        self._tensors = self._graph.tensors(keys)
        self.layers = {str(key): self._shown(key) for key in keys}
        self.answer = self.layers[str(keys[-1])]
        self._outputs = compile_outputs(
            model, [*self._tensors.values(), model.outputs[0]]
        )
        self._occluder = functools.cache(functools.partial(SlidingOccluder, model))
        self._below = functools.cache(self._compile_below)

    def layer(self, key: str, channel: int = 0) -> ShownLayer:
        """Finds a layer of the page that has a channel."""
        if key not in self.layers:
            raise UsageError(
                argument="layer", received=key, expected=f"one of {[*self.layers]}"
            )
        layer = self.layers[key]
        last = layer.shape[2] - 1
        if not 0 <= channel <= last:
            raise UsageError(
                argument="channel",
                received=channel,
                expected=f"from 0 to {last} in {layer.title}",
            )
        return layer

    def look(self, square: np.ndarray) -> Look:
        """Runs the network on a photograph, uint8 (height, width, 3)."""
        inputs = self.classifier.preprocessing.centre_crop(square)[None]
        *maps, probabilities = self._outputs(inputs)
        maps = [np.asarray(as_maps(one)[0], np.float32) for one in maps]
        found = dict(zip(self._tensors, maps, strict=True))
        for key, values in found.items():
            if not np.isfinite(values).all():
                name = self._graph.heading(key)
                raise RunError(f"activations of {name} are not finite numbers")
        return Look(inputs, found, np.asarray(probabilities[0], np.float32))

    def unit(
        self, look: Look, layer: str, channel: int, position: Sequence[int] | None
    ) -> Unit:
        """Checks which unit is meant; without a position the channel's strongest."""
        shown = self.layer(layer, channel)
        height, width, _ = shown.shape
        if position is None:
            return Unit(shown, channel, look.place(shown.key, channel))
        y, x = position
        if not (0 <= y < height and 0 <= x < width):
            raise UsageError(
                argument="position",
                received=(y, x),
                expected=f"inside the map of {height} x {width}",
            )
        return Unit(shown, channel, (y, x))

    def project(self, look: Look, unit: Unit, method: str) -> np.ndarray:
        """Projects a unit: an RGB array (height, width, 3) of both signs."""
        if method not in self.deconvnets:
            raise UsageError(
                argument="method", received=method, expected=f"one of {METHODS}"
            )
        has_places = len(self._tensors[unit.layer.key].shape) == 4
        place = unit.position if has_places else None
        found = self.deconvnets[method].project(
            look.inputs, unit.layer.key, unit.channel, place
        )
        return self.classifier.preprocessing.to_rgb(found[0])

    def box(self, unit: Unit) -> list[int]:
        """Returns a unit's receptive field (top, left, bottom, right) in the image."""
        height, width, _ = self.classifier.preprocessing.input_shape
        box = boxes(unit.layer.field, np.array(unit.position))
        inside = np.clip(box, 0, [height, width, height, width])
        return inside.tolist()

    def units_at(self, look: Look, y: float, x: float, count: int) -> list[Unit]:
        """Finds the units of each layer whose fields are centred nearest to a point.

        `y`, `x`: pixels of the network's input. Layers without places are left out.
        """
        found = []
        for shown in self.layers.values():
            if shown.shape[:2] == (1, 1):
                continue
            position = tuple(
                _nearest(span, number, length, at)
                for span, number, length, at in zip(
                    (shown.field.rows, shown.field.columns),
                    shown.shape,
                    self.classifier.preprocessing.input_shape,
                    (y, x),
                    strict=False,
                )
            )
            here = look.maps[shown.key][position]
            best = np.argsort(-here, kind="stable")[:count]
            found += [Unit(shown, int(c), position) for c in best if here[c] > 0]
        return found

    def fed_by(self, look: Look, unit: Unit, count: int) -> list[tuple[Unit, float]]:
        """Finds the channels of the layer below that feed a unit most.

        Each share is the sum over the map below of activation x derivative of the unit:
        what the unit would lose, to first order, if the channel were 0. Shares are
        fractions of all positive ones. For the answer it is the derivative of the
        logarithm of the probability: what speaks for this class and against the others.
        """
        keys = [*self.layers.values()]
        number = keys.index(unit.layer)
        if number == 0:
            return []
        below = keys[number - 1]
        run = self._below(unit.layer.key, below.key)
        shares = np.asarray(run(look.inputs, [*unit.position, unit.channel]))
        sums = shares.sum(axis=(0, 1))
        whole = sums[sums > 0].sum() or 1.0
        best = np.argsort(-np.abs(sums), kind="stable")[:count]
        found = []
        for channel in best[np.abs(sums[best]) > 0]:
            one = np.abs(shares[..., channel])
            y, x = np.unravel_index(one.argmax(), one.shape)
            fed = Unit(below, int(channel), (int(y), int(x)))
            found.append((fed, float(sums[channel] / whole)))
        return found

    def occlude(
        self, look: Look, unit: Unit, label: int, progress: Progress
    ) -> OcclusionMaps:
        """Slides a grey square over the photograph (Fig. 7).

        The square covers a fifth of each side and stands at about 14 x 14 places.
        """
        height, width, _ = self.classifier.preprocessing.input_shape
        size = max(1, height // 5), max(1, width // 5)
        sides = zip((height, width), size, strict=True)
        step = [
            min(patch, max(1, (side - patch) // (_PLACES - 1))) for side, patch in sides
        ]
        return self._occluder(unit.layer.key).maps(
            look.inputs[0],
            patch_size=size,
            patch_stride=tuple(step),
            channel=unit.channel,
            label=label,
            batch_size=_AT_ONCE,
            show_progress=progress,
        )

    def _shown(self, key) -> ShownLayer:
        shape = as_maps(np.empty((1, *self._tensors[key].shape[1:]))).shape[1:]
        refusal, known = None, None
        try:
            for deconvnet in self.deconvnets.values():
                deconvnet.require([key])
            known = self.deconvnets["deconvnet"].field(key)
        except UsageError as err:
            refusal = str(err)
        height, width, _ = self.classifier.preprocessing.input_shape
        whole = Boxes(Span(0, height, 0), Span(0, width, 0))
        return ShownLayer(
            key,
            self._graph.path(key),
            self._graph.heading(key),
            tuple(shape),
            known or whole,
            known is not None,
            refusal,
        )

    def _compile_below(self, key, below):
        """Compiles activation x derivative of a unit with respect to a layer below."""
        both = keras.Model(
            self.classifier.model.inputs[0], [self._tensors[below], self._tensors[key]]
        )
        is_answer = key == self.answer.key

        @tf.function(
            input_signature=[
                tf.TensorSpec((1, *self.classifier.preprocessing.input_shape)),
                tf.TensorSpec((3,), tf.int32),
            ],
            autograph=False,
        )
        def run(images, place):
            with tf.GradientTape() as tape:
                tape.watch(images)
                lower, upper = both(images, training=False)
                unit = as_maps(upper)[0, place[0], place[1], place[2]]
                unit = tf.math.log(unit + _TINY) if is_answer else unit
            return as_maps(lower * tape.gradient(unit, lower))[0]

        return run


def _nearest(span: Span, number: int, length: int, at: float) -> int:
    """Finds the unit along one axis whose field is centred nearest to a pixel."""
    places = np.arange(number)
    centres = span.start + places * span.stride + (span.size - 1) / 2
    if span.stride == 0:  # all see the whole image: by their place in the map
        centres = (places + 0.5) * length / number
    return int(np.abs(centres - at).argmin())
