"""Finds the strongest activations of each channel over a data set in one pass."""

import dataclasses
import functools
import logging
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from visualize.deconvnet.checks import list_of_layers, whole_number
from visualize.strongest.scan import Scan, make_update
from visualize.strongest.scan_state import ScanState, fingerprint, load_state
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.split import Split
from zfkeras.errors import RunError, UsageError
from zfkeras.graph.layer_graph import LayerGraph
from zfkeras.graph.layer_outputs import as_maps
from zfkeras.models.classifier import Classifier

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, eq=False)
class Strongest:
    """The strongest activations of each channel of a layer, strongest first.

    Where the split has fewer images than were asked for, `values` are -inf and all else
    is -1.

    Args:
        layer_name: the Keras layer, such as "norm1".
        values: float32 array (channels, count).
        images: int64 array (channels, count), the image's place in the split's order:
            `split.stream(start=place)` begins with it.
        labels: int64 array (channels, count).
        positions: int64 array (channels, count, 2), the unit (y, x); (0, 0) in layers
            without height and width.
    """

    layer_name: str
    values: np.ndarray
    images: np.ndarray
    labels: np.ndarray
    positions: np.ndarray

    @property
    def dead(self) -> np.ndarray:
        """Channels, bool (channels,), that no image of the split brings above 0."""
        return ~(self.values[:, 0] > 0)


class TopActivations:
    """Finds the images, and the places in them, that excite each channel most.

    Zeiler & Fergus 2014, sec. 4 and Fig. 2: the nine strongest activations of a feature
    map over the validation set. An image counts once, with its strongest position. All
    layers are read in one forward pass, the maxima and their places are taken inside
    the graph, and only `count` places a channel are kept, whatever the split's size.

    Ties: the earlier image wins, and in an image the first position in reading order,
    whatever the batch size.

    Args:
        model: a `Classifier`, or a functional or sequential Keras model with one image
            input.
        layers: the paper's numbers (1 to 7, as `zfkeras.endpoints` finds them) or names
            of layers. Outputs must be (batch, height, width, channels) or (batch,
            units).
        count: how many activations to keep for each channel.
        preprocessing: what makes an image the network's input: a
            `zfkeras.data.preprocessing.Preprocessing` or an object with its
            `image_size`, `crop_size` and `centre_crop`. `None` (default) means the
            classifier's own.

    Raises:
        UsageError: a layer that is not there or has another kind of output; a Keras
            model without `preprocessing`, or with one of another input size.

    Example:
        >>> import zfkeras
        >>> from zfkeras.data.register import open_source
        >>> finder = TopActivations(zfkeras.load("quarter"), [1, 5], count=2)
        >>> images = open_source("shapes").split("validation").first_classes(1)
        >>> finder.scan(images)[5].values.shape
        (128, 2)
    """

    def __init__(
        self,
        model: Classifier | keras.Model,
        layers: Sequence[int | str],
        count: int = 9,
        preprocessing=None,
    ):
        if isinstance(model, Classifier):
            preprocessing = preprocessing or model.preprocessing
            model = model.model
        if preprocessing is None:
            raise UsageError(
                "a Keras model needs `preprocessing`; a Classifier has it.",
                argument="preprocessing",
            )
        layers = list_of_layers(layers)
        if not layers:
            raise UsageError(
                argument="layers", received="none", expected="at least one layer"
            )
        graph = LayerGraph(model)
        _check_input(model, preprocessing.crop_size)
        self.model = model
        self.preprocessing = preprocessing
        self.count = whole_number("count", count, 1)
        self.tensors = {
            layer: (graph.path(layer), tensor)
            for layer, tensor in graph.tensors(layers).items()
        }

    def scan(
        self,
        split: Split,
        *,
        batch_size: int = 128,
        state_path: str | Path | None = None,
        data: str = "",
        save_seconds: float = 60,
        bad_images: BadImages | None = None,
        show_progress: bool = False,
    ) -> dict[int | str, Strongest]:
        """Passes once over a split.

        Args:
            split: the images.
            batch_size: images that go through the network at once.
            state_path: file that holds what was found so far. A scan that was
                interrupted goes on from it, a finished one is answered by it; one of
                another network, preprocessing or data is replaced. `None` (default):
                nothing is kept.
            data: names the data, such as their spec and split; part of what makes a
                state valid.
            save_seconds: how often the state is saved.
            bad_images: learns of the images that cannot be read; they are left out.
                `None` (default): up to one in a hundred may be bad.
            show_progress: whether to show a progress bar.

        Returns:
            Layer as it was asked for -> `Strongest`.

        Raises:
            RunError: an activation is not finite, too many images are bad, or none can
                be read.
        """
        batch_size = whole_number("batch_size", batch_size, 1)
        bad_images = bad_images or BadImages(split.num_examples)
        state = self._start(split, state_path, data, bad_images.max_fraction)
        for name, reason in state.bad_images.items():
            bad_images.add(name, reason)
        if not state.is_complete:
            scan = Scan(
                self._update, state, split, self.preprocessing, state_path, bad_images
            )
            state = scan.run(batch_size, save_seconds, show_progress)
        if not state.num_images:
            raise RunError("there is no image to scan that could be read")
        return {layer: self._strongest(layer, state) for layer in self.tensors}

    def scan_stretch(
        self, split: Split, first: int, end: int, *, batch_size: int = 128
    ) -> ScanState:
        """Passes over a part of a split; `scan_merge` joins several.

        Unreadable images are left out, however many they are.

        Args:
            split: the images.
            first: place in the split's order of the first one to look at.
            end: place behind the last one.
            batch_size: images that go through the network at once.

        Raises:
            RunError: an activation is not finite.
        """
        part = split.stretch(first, end)
        bad_images = BadImages(part.num_examples, max_fraction=1)
        state = ScanState.empty("", self.layers, self.count)
        scan = Scan(self._update, state, part, self.preprocessing, None, bad_images)
        found = scan.run(batch_size, float("inf"), show_progress=False)
        places = found.places.copy()
        places[..., 0] += np.where(places[..., 0] >= 0, first, 0)
        return dataclasses.replace(found, places=places, next_position=end)

    def activations(
        self,
        inputs: np.ndarray,
        layer: int | str,
        channels: np.ndarray,
        positions: np.ndarray,
        batch_size: int = 128,
    ) -> np.ndarray:
        """Computes single activations, such as recorded ones once more.

        Args:
            inputs: float array (n, crop, crop, 3), preprocessed.
            layer: one of those asked for.
            channels: int array (n,).
            positions: int array (n, 2), each (y, x).
            batch_size: images that go through the network at once.

        Returns:
            float32 array (n,).
        """
        units = np.concatenate([np.reshape(positions, (-1, 2)), channels[:, None]], 1)
        network = self._networks[layer]
        found = [np.zeros(0, np.float32)]
        for first in range(0, len(inputs), batch_size):
            part = slice(first, first + batch_size)
            output = network(tf.constant(inputs[part]), training=False)
            maps = as_maps(tf.cast(output, tf.float32))
            found.append(tf.gather_nd(maps, units[part], batch_dims=1).numpy())
        return np.concatenate(found)

    @property
    def layers(self) -> tuple[tuple[str, int], ...]:
        """(name, channels) of each layer asked for, in order, each once."""
        layers = [(name, tensor.shape[-1]) for name, tensor in self.tensors.values()]
        return tuple(dict.fromkeys(layers))

    @functools.cached_property
    def _networks(self):
        return {
            layer: keras.Model(self.model.inputs[0], tensor)
            for layer, (_, tensor) in self.tensors.items()
        }

    @functools.cached_property
    def _update(self):
        tensors = [*dict(self.tensors.values()).values()]
        return make_update(keras.Model(self.model.inputs, tensors))

    def _start(self, split, state_path, data, max_bad_fraction) -> ScanState:
        layers = self.layers
        if state_path is None:
            return ScanState.empty("", layers, self.count)
        key = fingerprint(self.model, self.preprocessing, split, data)
        state = load_state(state_path)
        if state is not None and state.serves(key, layers, self.count):
            if len(state.bad_images) <= max_bad_fraction * split.num_examples:
                return state  # Otherwise they may have been mended meanwhile.
        elif state is not None:
            _log.warning(
                "%s is of another network, data or request; scanning anew", state_path
            )
        return ScanState.empty(key, layers, self.count)

    def _strongest(self, layer, state) -> Strongest:
        name, _ = self.tensors[layer]
        rows = (state.rows(name), slice(0, self.count))
        places = state.places[rows]
        return Strongest(
            name, state.values[rows], places[..., 0], places[..., 1], places[..., 2:]
        )


def _check_input(model, crop_size) -> None:
    wanted = (None, crop_size, crop_size, 3)
    shapes = [tf.TensorShape(image.shape) for image in model.inputs]
    if len(shapes) != 1 or not shapes[0].is_compatible_with(wanted):
        raise UsageError(
            argument="model",
            received=f"input shapes={[*map(tuple, shapes)]}",
            expected=f"one that takes one image of {wanted[1:]}, the preprocessing's "
            "crop",
        )
