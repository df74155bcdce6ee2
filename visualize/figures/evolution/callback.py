"""Fig. 4 while a model trains: a Keras callback, with TensorBoard."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from visualize.deconvnet.checks import list_of_layers
from visualize.deconvnet.deconvnet import Deconvnet
from visualize.deconvnet.rule_sets import PAPER
from visualize.figures.evolution.plot import channel_images, draw_evolution
from visualize.figures.marks import label_rules
from visualize.strongest.patches import cut_to_field
from visualize.strongest.scan import Scanner, array_names
from zfkeras.graph.layer_graph import LayerGraph
from zfkeras.io.provenance import write_record
from zfkeras.plots import save_figure

PAPER_EPOCHS = (1, 2, 5, 10, 20, 30, 40, 64)


class EvolutionCallback(keras.callbacks.Callback):
    """Draws how features change while `model.fit` runs (Fig. 4).

    After each of some epochs it looks for the strongest activation of some channels in
    a set of images, projects it to pixels, and writes evolution.png, with a column for
    each epoch so far, evolution.json, and image summaries for TensorBoard, one tag a
    layer and the epoch as step. The training itself is not touched.

    `zfkeras.train` keeps snapshots in place of this: `python -m visualize.evolution`
    looks at them afterwards, over all training images.

    Args:
        images: float array (n, height, width, channels), a fixed set of images as the
            model takes them; they pass through the model once an epoch looked at.
        layers: names of layers ("conv3", "backbone.conv1" in a nested model), or the
            paper's numbers 1 to 7 for networks that `zfkeras.ZFNet` makes.
        epochs: after which to look, the first being 1. Defaults to the paper's 1, 2,
            5, 10, 20, 30, 40 and 64.
        log_dir: folder for the files. Defaults to "evolution".
        num_channels: how many channels of each layer to draw at random.
        seed: fixes which.
        batch_size: images that go through the model at once.
        rules: which layers the deconvnet goes through, "paper" (default) or
            "generalised"; see `Deconvnet`.

    Raises:
        ValueError: `images` is no such array or empty, `layers` is a single layer, or
            no epoch is asked for.
        UsageError: at the beginning of the training: a layer that is not in the model,
            or that cannot be projected.

    Example:
        >>> import keras, numpy as np
        >>> model = keras.Sequential([keras.Input((8, 8, 3)),
        ...     keras.layers.Conv2D(4, 3, name="conv"), keras.layers.Flatten(),
        ...     keras.layers.Dense(2)])
        >>> model.compile("sgd", "mse")
        >>> images = np.random.default_rng(0).normal(size=(9, 8, 8, 3))
        >>> live = EvolutionCallback(images, ["conv"])
        >>> model.fit(images, np.zeros((9, 2)), callbacks=[live])  # doctest: +SKIP
    """

    def __init__(
        self,
        images: np.ndarray,
        layers: Sequence[int | str],
        epochs: Sequence[int] = PAPER_EPOCHS,
        log_dir: str | Path = "evolution",
        *,
        num_channels: int = 6,
        seed: int = 0,
        batch_size: int = 64,
        rules: str = PAPER,
    ):
        super().__init__()
        images = np.asarray(images, np.float32)
        if images.ndim != 4 or not len(images):
            raise ValueError(
                "`images` must be (n, height, width, channels), n at least 1. "
                f"Received: images.shape={images.shape}."
            )
        if not len(epochs) or min(epochs) < 1:
            raise ValueError(
                f"`epochs` must be whole numbers from 1. Received: epochs={epochs}."
            )
        self.images = images
        self.layers = list_of_layers(layers)
        self.epochs = frozenset(int(epoch) for epoch in epochs)
        self.log_dir = Path(log_dir)
        self.num_channels = num_channels
        self.seed = seed
        self.batch_size = batch_size
        self.rules = rules
        self._looks: dict = {}
        self._writer = None

    def on_train_begin(self, logs=None):
        if self._looks and self._deconvnet.model is self.model:
            return  # fit goes on where it stopped
        self._looks = {}
        graph = LayerGraph(self.model)
        self._tensors = {graph.path(one): graph.tensor(one) for one in self.layers}
        self._channels = {
            name: _draw(tensor.shape[-1], self.num_channels, (self.seed, number))
            for number, (name, tensor) in enumerate(self._tensors.items())
        }
        self._scanner = Scanner(self.model, self._tensors)
        self._deconvnet = Deconvnet(self.model, rules=self.rules)
        self._deconvnet.require(self._tensors)
        # Its own folder: TensorBoard reads every event file below the one it is given.
        self._writer = tf.summary.create_file_writer(str(self.log_dir / "tensorboard"))

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 in self.epochs:
            self._looks[epoch + 1] = self._look()
            self._write(epoch + 1)

    def on_train_end(self, logs=None):
        if self._writer is not None:
            self._writer.flush()

    def _look(self) -> dict:
        """Maps layers to activations, images, positions and projections by channel."""
        (strongest,) = self._scanner.scan(self._batches(), 1, self.batch_size)
        found = {}
        for name, tensor in self._tensors.items():
            channels = self._channels[name]
            arrays = (strongest[array] for array in array_names(name))
            values, places = (array[channels, 0] for array in arrays)
            images, positions = places[:, 0], places[:, 2:]
            shown = self._deconvnet.project(
                self.images,
                name,
                channel=channels,
                position=positions if len(tensor.shape) == 4 else None,
                image=images,
            )
            shown = cut_to_field(shown, self._deconvnet.field(name), positions)
            found[name] = (values, images, positions, shown)
        return found

    def _batches(self):
        """Yields the images, without labels."""
        for first in range(0, len(self.images), self.batch_size):
            images = self.images[first : first + self.batch_size]
            position = np.arange(first, first + len(images))
            yield {"image": images, "position": position, "label": 0 * position}

    def _write(self, epoch):
        """Writes the picture, the record and the summaries of the epochs so far."""
        with self._writer.as_default():
            for name, (*_, shown) in self._looks[epoch].items():
                pictures = channel_images(shown)
                tf.summary.image(
                    f"evolution/{name}", pictures, step=epoch, max_outputs=len(pictures)
                )
        self._writer.flush()
        epochs = sorted(self._looks)
        looks = {
            name: [
                np.stack(parts, axis=1)
                for parts in zip(*(self._looks[e][name] for e in epochs), strict=True)
            ]
            for name in self._tensors
        }
        figure = draw_evolution(
            epochs,
            {name: shown for name, (*_, shown) in looks.items()},
            self._channels,
            {name: images for name, (_, images, *_) in looks.items()},
            title=f"Strongest activation of a channel in {len(self.images):,} images, "
            "projected",
        )
        label_rules(figure, self.rules)
        save_figure(figure, self.log_dir / "evolution.png")
        layers = {
            name: {
                "channels": self._channels[name].tolist(),
                "activations": activations.tolist(),
                "images": images.tolist(),
                "positions": positions.tolist(),
            }
            for name, (activations, images, positions, _) in looks.items()
        }
        record = {"epochs": epochs, "rules": self.rules, "layers": layers}
        write_record(self.log_dir / "evolution.json", record)


def _draw(channels, number, seed):
    """Draws some of a layer's channels, in rising order."""
    random = np.random.default_rng(seed)
    size = min(number, channels)
    return np.sort(random.choice(channels, size, replace=False))
