"""The deconvnet: which pixels made a unit of the network active.

Zeiler & Fergus 2014, sec. 2.1. It takes images as the model does: preprocessed.
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from visualize.deconvnet import backend
from visualize.deconvnet.checks import as_numbers, list_of_layers, whole_number
from visualize.deconvnet.graph import Graph
from visualize.deconvnet.projector import Projector
from visualize.deconvnet.requests import WHOLE_MAP, Pairs, as_slice
from visualize.deconvnet.rule_sets import PAPER, RULE_SETS
from visualize.deconvnet.rules import Options
from visualize.deconvnet.seeds import Asks, project, windows_of
from visualize.deconvnet.windows import paste
from zfkeras.errors import RunError, UsageError
from zfkeras.graph.boxes import Boxes
from zfkeras.graph.calls import model_of
from zfkeras.models.classifier import Classifier

METHODS = ("deconvnet", "guided", "gradient")
LRN = ("identity", "gradient")


@dataclasses.dataclass(frozen=True, eq=False)
class Projection:
    """Reconstructions, and what they are reconstructions of.

    Args:
        reconstructions: float32 (n_pairs, height, width, channels), in the space of the
            model's input: mean image subtracted, both signs.
        activations: float32 (n_pairs,), the activation each was made from; the logit
            where the layer ends in a softmax or sigmoid. For a whole map, its
            strongest.
        channels: int64 (n_pairs,), the channel or unit.
        positions: int64 (n_pairs, 2), its (y, x) in the layer's map; (0, 0) for the
            units of a fully connected layer, which are maps of one place.
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
        model: a functional or sequential Keras model, nested ones too, with one image
            as its input, or a `zfkeras.Classifier` of one. Every layer below the
            projected one needs a rule; see `visualize.register_rule`.
        method: what a ReLU does on the way down: "deconvnet" (default) rectifies the
            signal; "gradient" stops it where the ReLU was off; "guided" (guided
            backpropagation, Springenberg et al. 2015) does both.
        lrn: "identity" lets local response normalisation pass the signal on, "gradient"
            takes its derivative. `None` (default) means "identity" for the deconvnet,
            which the paper draws without it, and "gradient" for the other two.
        rules: which layers it goes through: "paper" (default) refuses what Zeiler &
            Fergus do not cover, such as GELU, swish, layer normalisation and products
            of maps; "generalised" has rules for these, too, which are not the paper's
            (docs/methods/generalised.md). Where a network has none of them, both give
            the same.

    Raises:
        UsageError: a model of another kind, or a method or a set of rules that does not
            exist.

    Example:
        >>> import zfkeras
        >>> deconvnet = Deconvnet(zfkeras.ZFNet(variant="zfnet_quarter"))
        >>> deconvnet.project(np.ones((2, 56, 56, 3)), "conv3", channel=7).shape
        (2, 56, 56, 3)
    """

    def __init__(
        self,
        model: keras.Model | Classifier,
        *,
        method: str = "deconvnet",
        lrn: str | None = None,
        rules: str = PAPER,
    ):
        _check_choice("method", method, METHODS)
        _check_choice("rules", rules, RULE_SETS)
        if lrn is None:
            lrn = "identity" if method == "deconvnet" else "gradient"
        _check_choice("lrn", lrn, LRN)
        self.model = model_of(model)
        self.options = Options(method, lrn, rules)
        self._graph = Graph(self.model, self.options)
        self._projectors: dict = {}
        # For images of each size: a network without a size takes any.
        self._shapes: Any = functools.lru_cache(maxsize=8)(lambda image_shape: {})
        self._functions: Any = functools.lru_cache(maxsize=8)(lambda image_shape: {})

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
            images: float array (n, height, width, channels) as the model takes it, or
                one image (height, width, channels), which counts as n = 1.
            layer: the paper's number 1 to 7, for networks that `zfkeras.ZFNet` makes,
                or a layer's name, with the names of the models around it: "conv3",
                "resnet50.conv5_block3_out"; "relu@2" for the second call of a layer
                that the model calls several times.
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
            UsageError: images that are not finite, an unknown layer, a channel or
                position outside it, arrays whose lengths do not match, or a layer on
                the way that no rule serves.
            RunError: an activation is not finite.
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
            UsageError, RunError: as in `project`.
        """
        images = self._images(images)
        batch_size = whole_number("batch_size", batch_size, 1)
        projector = self._projector(layer)
        whole_map = isinstance(position, str) and position == WHOLE_MAP
        maps_shape = self._maps_shape(projector, images.shape[1:])
        pairs = Pairs.of(len(images), maps_shape, channel, position, image)
        asks = Asks(
            channel is None,
            position is None or whole_map,
            whole_map,
            pairs.are_apart,
        )
        window = windows_of(projector, asks).get(0)
        reconstructions = np.zeros((len(pairs), *images.shape[1:]), np.float32)
        results: list[np.ndarray] = [
            np.empty(len(pairs), np.float32),
            np.empty(len(pairs), np.int64),
            np.empty((len(pairs), 2), np.int64),
        ]
        for chosen in pairs.batches(batch_size):
            batch = pairs.batch(images, chosen)
            cut = not asks.finds_position and projector.cutting_pays(
                len(batch[1]), len(batch[0])
            )
            run = self._function(projector, images.shape[1:], asks, cut)
            below, *found = (answer[: len(chosen)] for answer in run(*batch))
            for result, part in zip(results, found, strict=True):
                result[as_slice(chosen)] = part
            if window is None:
                reconstructions[as_slice(chosen)] = below
            else:
                own = [reconstructions[pair] for pair in chosen]
                paste(below, window, found[-1], own)
        if not np.isfinite(results[0]).all():
            raise RunError(
                f"an activation of layer {projector.path!r} is not finite; "
                "check the weights of the network"
            )
        activations, channels, positions = results
        return Projection(
            reconstructions, activations, channels, positions, projector.path
        )

    def require(self, layers: Sequence[int | str]) -> None:
        """Refuses layers that cannot be projected, before any image is looked at.

        Args:
            layers: a list, each as `project` takes it.

        Raises:
            UsageError: an unknown layer, or one on the way that no rule serves.
        """
        for layer in list_of_layers(layers):
            self._projector(layer)

    def field(self, layer: int | str) -> Boxes | None:
        """Returns the pixels that the reconstruction of a unit can reach.

        They are the receptive field of the unit, gates held: a unit sees the whole
        image through a gate of squeeze-and-excitation, but no signal goes there.

        Args:
            layer: as in `project`.

        Returns:
            The boxes of the units; `None` for a layer above one whose windows are not
            known, or for images of unknown size.

        Raises:
            UsageError: an unknown layer.
        """
        return self._graph.field(self._graph.layers.path(layer))

    def _images(self, images):
        wanted = tuple(self.model.inputs[0].shape)
        images = as_numbers("images", images)
        images = images[None] if images.ndim == 3 else images
        fits = images.ndim == 4 and all(
            length in (None, found)
            for length, found in zip(wanted[1:], images.shape[1:], strict=True)
        )
        if not fits:
            raise UsageError(
                argument="images",
                expected=f"an array of shape {wanted}",
                received=f"shape {images.shape}",
            )
        return images.astype(self.model.inputs[0].dtype, copy=False)

    def _projector(self, layer) -> Projector:
        """Plans the way to a layer and back, once."""
        path = self._graph.layers.path(layer)
        if path not in self._projectors:
            self._projectors[path] = Projector(self._graph, path)
        return self._projectors[path]

    def _maps_shape(self, projector, image_shape):
        """Returns (height, width, channels) of a layer, or (units,)."""
        shape = projector.shape
        if None in shape:
            shapes = self._shapes(image_shape)
            if projector not in shapes:
                shapes[projector] = backend.output_shape(
                    lambda x: projector.up(x).maps,
                    image_shape,
                    self.model.inputs[0].dtype,
                )
            shape = shapes[projector]
        if len(shape) not in (1, 3):
            raise UsageError(
                argument="layer",
                expected="a layer that makes maps (height, width, channels) or vectors",
                received=f"{projector.path} of shape {shape}",
            )
        return shape

    def _function(self, projector, image_shape, asks, cut):
        """Compiles the computation once for each layer, size and question."""
        functions = self._functions(image_shape)
        key = (projector, asks, cut)
        if key not in functions:
            kinds = [
                ((None, *image_shape), self.model.inputs[0].dtype),
                ((None,), "int32"),
                ((None,), "int32"),
                ((None, 2), "int32"),
            ]
            function = functools.partial(project, projector, asks, cut)
            functions[key] = backend.compiled(function, kinds)
        return functions[key]


def _check_choice(name, value, choices):
    if value not in choices:
        expected = f"one of {', '.join(choices)}"
        raise UsageError(argument=name, expected=expected, received=value)
