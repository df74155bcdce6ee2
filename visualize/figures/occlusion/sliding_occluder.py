"""Slides a grey square over an image and records the network's answers (Fig. 7)."""

import functools

import keras
import numpy as np
import tensorflow as tf

from visualize.deconvnet.checks import as_numbers, whole_number
from visualize.deconvnet.partial_pass import PartialPass, Plan, cut_out, regions_of
from visualize.figures.batches import run_in_batches
from visualize.figures.occlusion.maps import OcclusionMaps
from visualize.images.occluders import occlude, window_starts
from zfkeras.errors import UsageError
from zfkeras.graph.calls import model_of
from zfkeras.graph.layer_graph import LayerGraph
from zfkeras.graph.layer_outputs import as_maps
from zfkeras.io.progress import Progress
from zfkeras.models.classifier import Classifier


class SlidingOccluder:
    """Slides a square over an image and records three maps in one pass.

    Zeiler & Fergus 2014, sec. 4.2 and Fig. 7: (b) the activation of one feature map,
    summed over its positions, (d) the probability of the class, (e) the most likely
    class, for each place of a grey square. The occluded copies are made a batch at a
    time inside the graph, so memory does not depend on how many there are. Of the lower
    maps only what the square reaches is computed (`visualize.deconvnet.partial_pass`);
    models that are no graph of layers run whole.

    The windows step by `patch_stride` from the upper left corner; where they do not end
    at the border, a last one stands flush with it (`visualize.images.occluders`).

    Args:
        model: a Keras model or a `zfkeras.Classifier`, from one image to class
            probabilities (batch, classes); functional or sequential if `layer` is
            given. Logits serve, too: then they are mapped.
        layer: whose feature map is watched: the paper's number, for networks that
            `ZFNet` makes, or a layer's name. `None` (default): no activation map.

    Raises:
        UsageError: no such layer, or a model of another kind.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 6, 3)), keras.layers.Flatten(), keras.layers.Dense(4)]
        ... )
        >>> occluder = SlidingOccluder(model)
        >>> occluder.maps(np.ones((8, 6, 3)), patch_size=3).probability_map.shape
        (8, 6)
    """

    def __init__(self, model: keras.Model | Classifier, layer: int | str | None = None):
        model = model_of(model)
        if layer is not None or not isinstance(model, keras.Model):
            graph = LayerGraph(model)
        self.model = model
        self.layer_name = None
        self._network = model
        if layer is not None:
            self.layer_name = graph.path(layer)
            outputs = [graph.tensor(layer), *model.outputs]
            self._network = keras.Model(model.inputs[0], outputs)
        try:
            watched = [] if layer is None else [self.layer_name]
            self._partial: PartialPass | None = PartialPass(model, watched)
        except UsageError:
            self._partial = None
        self._function = functools.lru_cache(maxsize=8)(self._compile)

    def maps(
        self,
        image: np.ndarray,
        *,
        patch_size: int | tuple[int, int],
        patch_stride: int | tuple[int, int] | None = None,
        occlusion_value=0.0,
        channel: int | None = None,
        label: int | None = None,
        batch_size: int = 64,
        show_progress: bool | Progress = False,
    ) -> OcclusionMaps:
        """Records what the network answers for each place of the square.

        Args:
            image: float array (height, width, channels) as the model takes it.
            patch_size: side of the square, or (height, width), in pixels.
            patch_stride: step between squares, or (vertical, horizontal), in pixels; at
                most the patch's side. `None` (default) means 1.
            occlusion_value: what stands in the square, in the space of the model's
                input: a number or an array that broadcasts to the image. 0 (default) is
                the mean image, a grey, of networks that subtract it.
            channel: the feature map. `None` (default): the one with the strongest
                single activation in the image as it is, which the deconvnet projects.
            label: the class. `None` (default): the most likely one of the image.
            batch_size: occluded copies that go through the network at once.
            show_progress: whether to show a progress bar, or what takes its place.

        Returns:
            The `OcclusionMaps`, by square and by pixel.

        Raises:
            UsageError: an argument out of range, or a model of other inputs or outputs.
        """
        image = _checked_image(image, self.model)
        size = _pair("patch_size", patch_size)
        step = _pair("patch_stride", 1 if patch_stride is None else patch_stride)
        batch_size = whole_number("batch_size", batch_size, 1)
        starts = [
            window_starts(*side) for side in zip(image.shape, size, step, strict=False)
        ]
        value = np.asarray(occlusion_value, np.float32)
        _check_value(value, image.shape)
        maps, output = self._as_it_is(image)
        channel = self._channel(maps, channel)
        label = _index("label", label, output, "classes")
        corners = np.stack(np.meshgrid(*starts, indexing="ij"), -1).reshape(-1, 2)
        boxes = np.concatenate([corners, corners + np.array(size, np.int32)], axis=1)
        # The image as it is goes first, under an empty box: the same arithmetic.
        boxes = np.pad(boxes, ((1, 0), (0, 0)))
        watch = (image, value, np.int32(channel), np.int32(label))
        found = self._run(watch, boxes, batch_size, show_progress)
        before = [part[0].item() for part in found]
        shape = [len(side) for side in starts]
        activations, probabilities, labels = (part[1:].reshape(shape) for part in found)
        watches = self.layer_name is not None
        return OcclusionMaps(
            tops=starts[0],
            lefts=starts[1],
            patch_size=size,
            image_size=image.shape[:2],
            label=label,
            channel=channel if watches else None,
            activation=before[0] if watches else None,
            probability=before[1],
            predicted=before[2],
            activations=activations if watches else None,
            probabilities=probabilities,
            labels=labels,
        )

    def _as_it_is(self, image):
        """Computes maps (`None` without a layer) and output of the whole image."""
        answer = self._network(tf.constant(image[None]), training=False)
        maps, output = answer if self.layer_name is not None else (None, answer)
        if len(getattr(output, "shape", ())) != 2:
            raise UsageError(
                argument="model",
                received=getattr(output, "shape", type(output).__name__),
                expected="one with one output (batch, classes)",
            )
        return maps, output[0].numpy()

    def _channel(self, maps, channel) -> int:
        if maps is None:
            return 0
        strongest = as_maps(maps)[0].numpy().max(axis=(0, 1))
        return _index("channel", channel, strongest, f"channels of {self.layer_name}")

    def _run(self, watch, boxes, batch_size, show_progress):
        """Computes activations, probabilities and labels, each (n,), of n boxes."""
        plan = Plan({}) if self._partial is None else self._partial.plan(boxes)
        constants = [tf.constant(part) for part in watch]
        own_maps = plan.regions and self._partial.own_maps(constants[0][None], plan)
        answer = self._function(plan.sizes)
        return run_in_batches(
            lambda batch, *starts: answer(batch, [*starts], own_maps, *constants),
            [boxes, *plan.starts],
            batch_size,
            unit="squares",
            show_progress=show_progress,
        )

    def _compile(self, sizes):
        """Compiles the computation for regions of some sizes."""
        function = functools.partial(self._occluded, sizes)
        return tf.function(function, autograph=False, reduce_retracing=True)

    def _occluded(self, sizes, boxes, starts, own_maps, image, value, channel, label):
        if sizes:
            regions = regions_of(sizes, starts)
            value = tf.broadcast_to(value, tf.shape(image))
            own, fill = (cut_out(pixels, regions[0]) for pixels in (image, value))
            parts = occlude(own, boxes - tf.tile(starts[0], [1, 2]), fill)
            answer = self._partial.run(parts, own_maps, regions)
        else:
            copies = occlude(image[None], boxes, value)
            answer = self._network(copies, training=False)
        *maps, output = answer if isinstance(answer, (list, tuple)) else [answer]
        output = tf.cast(output, tf.float32)
        total = tf.zeros(tf.shape(output)[0])
        if maps:
            watched = tf.gather(as_maps(maps[0]), channel, axis=3)
            total = tf.reduce_sum(tf.cast(watched, tf.float32), axis=(1, 2))
        return total, tf.gather(output, label, axis=1), tf.argmax(output, axis=1)


def _pair(name, value) -> tuple[int, int]:
    """Reads a size or a step: one whole number, or one for each side."""
    sides = [*value] if np.ndim(value) else [value, value]
    if len(sides) != 2:
        raise UsageError(
            argument=name, received=repr(value), expected="one number or two"
        )
    height, width = (whole_number(name, side) for side in sides)
    return height, width


def _checked_image(image, model) -> np.ndarray:
    """Checks that the model takes the image; returns it as float32."""
    image = as_numbers("image", image)
    shapes = [tf.TensorShape(one.shape) for one in getattr(model, "inputs", None) or ()]
    is_taken = all(shape.is_compatible_with((1, *image.shape)) for shape in shapes)
    if image.ndim != 3 or len(shapes) > 1 or not is_taken:
        raise UsageError(
            argument="image",
            received=f"image.shape={image.shape}",
            expected="(height, width, channels) as the model takes it: "
            f"{[*map(tuple, shapes)] or 'one image'}",
        )
    return image.astype(np.float32)


def _check_value(value, shape) -> None:
    try:
        fits = np.broadcast_shapes(value.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise UsageError(
            argument="occlusion_value",
            received=f"occlusion_value.shape={value.shape}",
            expected=f"a number or broadcast to the image {shape}",
        )


def _index(name, value, strengths, what) -> int:
    """Returns a place in `strengths`, that of the largest for `None`."""
    if value is None:
        return int(np.argmax(strengths))
    value = whole_number(name, value)
    if not 0 <= value < len(strengths):
        raise UsageError(
            argument=name,
            received=value,
            expected=f"from 0 to {len(strengths) - 1}, one of the {what}",
        )
    return value
