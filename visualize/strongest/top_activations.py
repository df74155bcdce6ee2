"""Finds the strongest activations of each channel over a data set in one pass."""

import dataclasses
import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from visualize.deconvnet.checks import list_of_layers, whole_number
from visualize.strongest.kept_scan import KeptScan, fingerprint
from visualize.strongest.scan import Scanner, array_names
from zfkeras.cli.tensorflow_start import num_threads
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.files.decoding import each_image
from zfkeras.data.split import Split
from zfkeras.errors import RunError, UsageError
from zfkeras.graph.layer_graph import LayerGraph
from zfkeras.graph.layer_outputs import as_maps
from zfkeras.io.progress import Progress, progress_bar
from zfkeras.models.classifier import Classifier
from zfkeras.passes.dask_engine import DaskEngine
from zfkeras.passes.sharded import Pass, Shard


@dataclasses.dataclass(frozen=True, eq=False)
class Strongest:
    """The strongest activations of each channel of a layer, strongest first.

    Where the split has fewer images than were asked for, `values` are -inf and all else
    is -1.

    Args:
        layer_name: the Keras layer, such as "norm1".
        values: float32 array (channels, count).
        images: int64 array (channels, count), the image's place in the split's order:
            `split.stream(start=place)` begins with it; or among the images given.
        labels: int64 array (channels, count); -1 if unknown.
        positions: int64 array (channels, count, 2), the unit (y, x); (0, 0) in layers
            without height and width.
        threads: how many of TensorFlow's threads computed them, on which their
            rounding depends; several if runs that were interrupted differ.
    """

    layer_name: str
    values: np.ndarray
    images: np.ndarray
    labels: np.ndarray
    positions: np.ndarray
    threads: Sequence[int] = ()

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
            `input_shape`, `square` and `centre_crop`. `None` (default) means the
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
        _check_input(model, preprocessing.input_shape)
        self.model = model
        self.preprocessing = preprocessing
        self.count = whole_number("count", count, 1)
        self.tensors = {
            layer: (graph.path(layer), tensor)
            for layer, tensor in graph.tensors(layers).items()
        }

    def scan(
        self,
        images: Split | Iterable,
        *,
        batch_size: int = 128,
        folder: str | Path | None = None,
        data: str = "",
        bad_images: BadImages | None = None,
        show_progress: bool | Progress = False,
        engine: DaskEngine | None = None,
    ) -> dict[int | str, Strongest]:
        """Passes once over images.

        Args:
            images: a split of a data set; or raw RGB images as `Classifier.predict`
                takes them: an array (n, height, width, 3) of range 0-255, uint8 or
                float, or an iterable of such arrays of any size, file paths, encoded
                files' bytes or Pillow images. Those have the label -1.
            batch_size: images that go through the network at once.
            folder: keeps what is found in a split. A scan that was interrupted goes on
                behind its last whole shard of 1,024 images. A finished one answers
                without a pass, for fewer layers and a smaller `count`, too; so each
                network, preprocessing and split has a result of its own in the folder.
                `None` (default): nothing is kept.
            data: names the data, such as their spec and split; part of what tells
                results in `folder` apart.
            bad_images: learns of the images of a split that cannot be read; they are
                left out. `None` (default): up to one in a hundred may be bad.
            show_progress: whether to show a progress bar, or what takes its place.
            engine: passes the images through the network, if the result is kept in
                `folder`. `None` (default) means this process.

        Returns:
            Layer as it was asked for -> `Strongest`.

        Raises:
            UsageError: a `folder` for images that are no split.
            RunError: an activation is not finite, too many images are bad, or there is
                none that can be read.
            BadImage, FileNotFoundError, ValueError, TypeError: an image that is not of
                a split cannot be read, as in `Classifier.predict`.
        """
        batch_size = whole_number("batch_size", batch_size, 1)
        if isinstance(images, Split):
            number = images.num_examples
            with progress_bar(
                show_progress, total=number, desc="scan", unit=" images"
            ) as bar:
                tally = bad_images or BadImages(number)
                size = min(batch_size, max(number, 1))
                given = Pass(images, self.preprocessing, size, tally, bar, engine)
                found, threads = self._scan_split(given, folder, data)
        elif folder is not None:
            raise UsageError(
                argument="folder", received=str(folder), expected="a split to scan"
            )
        else:
            batches, threads = self._batches(images, batch_size), [num_threads()]
            (found,) = self._scanner.scan(batches, self.count, batch_size)
        if all((found[array_names(name)[1]] < 0).all() for name, _ in self.layers):
            raise RunError("there is no image to scan that could be read")
        return {layer: self._strongest(layer, found, threads) for layer in self.tensors}

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
    def _scanner(self):
        return Scanner(self.model, dict(self.tensors.values()))

    def _scan_split(self, images, folder, data):
        everything = Shard(0, images.split.num_examples)
        if folder is None or not everything.end:
            batches = images.batches(everything)
            (found,) = self._scanner.scan(batches, self.count, images.batch_size)
            return found, [num_threads()]
        key = fingerprint(self.model, self.preprocessing, images.split, data)
        names = [name for name, _ in self.layers]
        kept = KeptScan.find(Path(folder), key, names, self.count, everything.end)
        return kept.finish(images, self.model)

    def _batches(self, images, batch_size) -> Iterator[dict]:
        """Prepares images that are not of a split, batch by batch."""
        prepare, first = self.preprocessing, 0
        crops = map(prepare.centre_crop, map(prepare.square, each_image(images)))
        while crops_now := [*itertools.islice(crops, batch_size)]:
            end = first + len(crops_now)
            yield {
                "image": np.stack(crops_now),
                "label": np.full(len(crops_now), -1),
                "position": np.arange(first, end),
            }
            first = end

    def _strongest(self, layer, found, threads) -> Strongest:
        name, _ = self.tensors[layer]
        values, places = (found[name][:, : self.count] for name in array_names(name))
        images, labels, positions = places[..., 0], places[..., 1], places[..., 2:]
        return Strongest(name, values, images, labels, positions, threads)


def _check_input(model, input_shape) -> None:
    wanted = (None, *input_shape)
    shapes = [tf.TensorShape(image.shape) for image in model.inputs]
    if len(shapes) != 1 or not shapes[0].is_compatible_with(wanted):
        raise UsageError(
            argument="model",
            received=f"input shapes={[*map(tuple, shapes)]}",
            expected=f"one that takes one image of {wanted[1:]}, the preprocessing's "
            "crop",
        )
