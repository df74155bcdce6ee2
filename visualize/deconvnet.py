"""The deconvnet: which pixels made a unit of the network active.

Zeiler & Fergus 2014, sec. 2.1. It takes images as the model does: preprocessed.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from visualize.graph import Graph
from visualize.pairs import WHOLE_MAP, Pairs, whole_number
from visualize.projection import Projector, take_rows
from visualize.rules import Options
from zfkeras.errors import UsageError
from zfkeras.models.endpoints import endpoints

METHODS = ("deconvnet", "guided", "gradient")
LRN = ("identity", "gradient")


@dataclasses.dataclass(frozen=True, eq=False)
class Projection:
    """Reconstructions, and what they are reconstructions of.

    Args:
        reconstructions: float32 (n_pairs, height, width, channels), in the space of the
            model's input: mean image subtracted, both signs.
        activations: float32 (n_pairs,), the activation each was made from; the logit
            where the layer ends in a softmax. For a whole map, its strongest.
        channels: int64 (n_pairs,), the channel or unit.
        positions: int64 (n_pairs, 2), its (y, x) in the layer's map; (0, 0) for the
            units of a fully connected layer.
        layer: the layer's name.
    """

    reconstructions: np.ndarray
    activations: np.ndarray
    channels: np.ndarray
    positions: np.ndarray
    layer: str


class Deconvnet:
    """Projects activations of any layer of a Keras model down to the pixels.

    Zeiler & Fergus 2014, sec. 2.1: the image goes up, each max pool keeping its
    switches; all activations but one are set to zero, and that one comes down: unpooled
    to the places of the switches, rectified, filtered with the transposed filters. The
    signal is rectified wherever the network has a ReLU, whether that was on or off; the
    pixels at the bottom are not. Biases take no part.

    Reading a model changes nothing in it. New weights count from the next call on.

    Args:
        model: a functional or sequential model, nested ones too, with one image as its
            input. Every layer below the projected one needs a rule; see
            `visualize.register_rule`.
        method: what a ReLU does on the way down: "deconvnet" (default) rectifies the
            signal; "gradient" stops it where the ReLU was off; "guided" (guided
            backpropagation, Springenberg et al. 2015) does both.
        lrn: "identity" lets local response normalisation pass the signal on, "gradient"
            takes its derivative. `None` (default) means "identity" for the deconvnet,
            which the paper draws without it, and "gradient" for the other two.

    Raises:
        UsageError: a model of another kind, or a method that does not exist.

    Example:
        >>> import zfkeras
        >>> deconvnet = Deconvnet(zfkeras.ZFNet(variant="zfnet_quarter"))
        >>> deconvnet.project(np.ones((2, 56, 56, 3)), "conv3", channel=7).shape
        (2, 56, 56, 3)
    """

    def __init__(
        self, model: keras.Model, *, method: str = "deconvnet", lrn: str | None = None
    ):
        _check_choice("method", method, METHODS)
        if lrn is None:
            lrn = "identity" if method == "deconvnet" else "gradient"
        _check_choice("lrn", lrn, LRN)
        self.model = model
        self.options = Options(method, lrn)
        self._graph = Graph(model)
        self._projectors = {}
        self._compiled = {}

    def project(
        self,
        images,
        layer: int | str,
        channel=None,
        position=None,
        *,
        image=None,
        batch_size: int = 32,
    ) -> np.ndarray:
        """Reconstructs the pixels behind one activation of each image.

        Args:
            images: float array (n, height, width, channels) as the model takes it.
            layer: the paper's number 1 to 7, for networks that `zfkeras.ZFNet` makes,
                or a layer's name, with the names of the models around it: "conv3",
                "resnet50.conv5_block3_out".
            channel: feature map, or unit of a fully connected layer; one for all or an
                array with one for each pair. `None` (default) means the one with the
                strongest activation, at `position` if that is given.
            position: (y, x) in the layer's map; one for all or an array (n_pairs, 2).
                `None` (default) means the channel's strongest activation, the first of
                equals. "all" means the whole map at once.
            image: which of `images` each pair takes, an array (n_pairs,), so that
                several channels share one forward pass. `None` (default) means each in
                turn; a single image serves every pair.
            batch_size: pairs that go down together. The signals of one pair take about
                12 MB on ZFNet.

        Returns:
            float32 array (n_pairs, height, width, channels) in the model's input space.

        Raises:
            UsageError: an unknown layer, a channel or position outside it, arrays whose
                lengths do not match, or a layer on the way that no rule serves.
        """
        return self.project_units(
            images, layer, channel, position, image=image, batch_size=batch_size
        ).reconstructions

    def project_units(
        self,
        images,
        layer: int | str,
        channel=None,
        position=None,
        *,
        image=None,
        batch_size: int = 32,
    ) -> Projection:
        """Does what `project` does, and tells which activations it took.

        Args:
            images: as in `project`.
            layer: as in `project`.
            channel: as in `project`.
            position: as in `project`.
            image: as in `project`.
            batch_size: as in `project`.

        Returns:
            The `Projection` of all pairs, in their order.

        Raises:
            UsageError: as in `project`.
        """
        images = self._images(images)
        batch_size = whole_number("batch_size", batch_size, 1)
        target = self._graph.target(self._layer_name(layer))
        finds_channel = channel is None
        whole_map = isinstance(position, str) and position == WHOLE_MAP
        finds_position = position is None or whole_map
        run = self._function(
            target, images.shape[1:], finds_channel, finds_position, whole_map
        )
        pairs = Pairs.of(len(images), run.maps_shape, channel, position, image)
        results = (
            np.zeros((len(pairs), *images.shape[1:]), np.float32),
            np.zeros(len(pairs), np.float32),
            np.zeros(len(pairs), np.int64),
            np.zeros((len(pairs), 2), np.int64),
        )
        for chosen in pairs.batches(batch_size):
            answers = run(*pairs.batch(images, chosen))
            for result, answer in zip(results, answers, strict=True):
                result[chosen] = answer[: len(chosen)]
        return Projection(*results, target.path)

    def _images(self, images):
        wanted = tuple(self.model.inputs[0].shape)
        images = np.asarray(images)
        fits = images.ndim == 4 and all(
            length in (None, found)
            for length, found in zip(wanted[1:], images.shape[1:], strict=True)
        )
        if not fits or not np.issubdtype(images.dtype, np.number):
            raise UsageError(
                f"`images` must be a numeric array of shape {wanted}. Received: "
                f"images.shape={images.shape}, images.dtype={images.dtype}."
            )
        return images.astype(self.model.inputs[0].dtype, copy=False)

    def _layer_name(self, layer):
        if isinstance(layer, str):
            return layer
        number = whole_number("layer", layer, 1)
        ends = endpoints(self.model)
        if number not in ends:
            raise UsageError(
                f"`layer` must be one of {[*ends]} or a layer's name. "
                f"Received: layer={layer!r}."
            )
        return ends[number].layer_name

    def _function(self, target, image_shape, *modes):
        key = (target.tensor, image_shape, modes)
        if key not in self._compiled:
            if target.tensor not in self._projectors:
                projector = Projector(target, self.options)
                self._projectors[target.tensor] = projector
            projector = self._projectors[target.tensor]
            dtype = self.model.inputs[0].dtype
            self._compiled[key] = _Function(projector, image_shape, dtype, *modes)
        return self._compiled[key]


class _Function:
    """One projection, compiled for one layer, image size and way of choosing units."""

    def __init__(self, projector, image_shape, dtype, *modes):
        self._projector = projector
        self._finds_channel, self._finds_position, self._whole_map = modes
        self._function = tf.function(
            self._run,
            input_signature=[
                tf.TensorSpec((None, *image_shape), dtype),
                tf.TensorSpec((None,), tf.int32),
                tf.TensorSpec((None,), tf.int32),
                tf.TensorSpec((None, 2), tf.int32),
            ],
            autograph=False,
        )
        self.maps_shape = None  # set by tracing
        self._concrete = self._function.get_concrete_function()

    def __call__(self, *arrays):
        tensors = [tf.convert_to_tensor(array) for array in arrays]
        return [answer.numpy() for answer in self._concrete(*tensors)]

    def _run(self, images, rows, channels, positions):
        maps, memories, calls = self._projector.up(images)
        self.maps_shape = tuple(maps.shape[1:])
        if len(self.maps_shape) not in (1, 3):
            raise UsageError(
                "`layer` must give maps (height, width, channels) or a vector. "
                f"Received: {self._projector.target.path!r}, which gives "
                f"{self.maps_shape}."
            )
        maps = maps if maps.dtype == tf.float64 else tf.cast(maps, tf.float32)
        maps = tf.gather(maps, rows)
        seed, activations, channels, positions = self._seed(maps, channels, positions)
        below = self._projector.down(seed, take_rows(memories, rows), calls)
        return tf.cast(below, tf.float32), activations, channels, positions

    def _seed(self, maps, channels, positions):
        """The layer's output with all activations but the chosen set to zero."""
        width = self.maps_shape[1] if len(self.maps_shape) == 3 else 1
        flat = tf.reshape(maps, [tf.shape(maps)[0], -1, tf.shape(maps)[-1]])
        places = positions[:, 0] * width + positions[:, 1]
        if self._finds_channel:
            strengths = (
                tf.reduce_max(flat, axis=1)
                if self._finds_position
                else tf.gather(flat, places, axis=1, batch_dims=1)
            )
            channels = tf.argmax(strengths, axis=1, output_type=tf.int32)
        values = tf.gather(flat, channels, axis=2, batch_dims=1)
        if self._finds_position:
            places = tf.argmax(values, axis=1, output_type=tf.int32)
        activations = tf.gather(values, places, axis=1, batch_dims=1)
        kept = tf.one_hot(channels, tf.shape(flat)[2], on_value=True, off_value=False)
        kept = kept[:, None, :]
        if not self._whole_map:
            place = tf.one_hot(places, tf.shape(flat)[1], True, False)
            kept &= place[:, :, None]
        seed = tf.reshape(tf.where(kept, flat, 0), tf.shape(maps))
        seed = tf.ensure_shape(seed, maps.shape)
        positions = tf.stack([places // width, places % width], axis=1)
        return seed, activations, channels, positions


def _check_choice(name, value, choices):
    if value not in choices:
        raise UsageError(
            f"`{name}` must be one of {', '.join(choices)}. Received: {name}={value!r}."
        )
