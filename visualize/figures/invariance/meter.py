"""Measures what shifts, scales and turns do inside a network (Fig. 5)."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from visualize.deconvnet.checks import (
    as_numbers,
    list_of_layers,
    whole_number,
)
from visualize.figures.batches import run_in_batches
from visualize.figures.invariance.curves import InvarianceCurves
from visualize.figures.invariance.transformations import (
    Sweep,
    centre_of,
    check_fill,
    corner,
    paper_sweeps,
    transform,
)
from zfkeras.errors import UsageError
from zfkeras.graph.layer_graph import LayerGraph
from zfkeras.models.classifier import Classifier


class InvarianceMeter:
    """Measures what shifts, scales and turns do inside a network.

    Zeiler & Fergus 2014, sec. 4.1 and Fig. 5. All copies of all images go through the
    network once, made a batch at a time inside the graph; of the features only their
    distances leave it.

    The image is transformed before the mean image is subtracted, about the centre of
    the crop that the network reads; what lies beyond its borders is the mean image (0)
    unless `fill` says otherwise.

    Args:
        model: a functional or sequential model from one image to class probabilities,
            or a `zfkeras.Classifier` of one, whose preprocessing is not used.
        layers: whose features are compared: the paper's numbers, or names.
        mean_image: float array (height, width, channels) that is subtracted, of the
            size of the images; or a number. 0 (default) where the model does it all.
        input_scale: factor on the difference, or one for each channel.
        fill: what appears where the image ends: "mean" (default), "edge" or "mirror".

    Raises:
        UsageError: no such layer or fill, a model of another kind, or one whose input
            size is unknown.
    """

    def __init__(
        self,
        model: keras.Model | Classifier,
        layers: Sequence[int | str] = (1, 7),
        *,
        mean_image=0.0,
        input_scale: float | Sequence[float] = 1.0,
        fill: str = "mean",
    ):
        graph = LayerGraph(model)
        model = graph.model
        check_fill(fill)
        self.layers = tuple(list_of_layers(layers))
        shape = tuple(model.inputs[0].shape)
        if len(model.inputs) != 1 or len(shape) != 4 or None in shape[1:]:
            raise UsageError(
                argument="model",
                received=f"input shape={shape}",
                expected="one that takes one image of a known size",
            )
        self.size = shape[1:3]
        self.mean_image = np.asarray(mean_image, np.float32)
        self.input_scale = np.asarray(input_scale, np.float32)
        self.fill = fill
        tensors = graph.tensors(self.layers).values()
        self._network = keras.Model(model.inputs[0], [*tensors, *model.outputs])
        self._features = tf.function(self._look, autograph=False, reduce_retracing=True)
        self._compare = tf.function(
            self._distances, autograph=False, reduce_retracing=True
        )

    def measure(
        self,
        images: np.ndarray,
        labels: Sequence[int | None] | None = None,
        sweeps: Sequence[Sweep] | None = None,
        *,
        batch_size: int = 64,
        show_progress: bool = False,
    ) -> list[InvarianceCurves]:
        """Measures all sweeps of all images in one pass.

        Args:
            images: array (n, height, width, channels) before the mean image is
                subtracted, at least of the size of the model's input; the network reads
                the centre.
            labels: class of each image, whose probability is followed. `None` (default,
                or for an image): the most likely one of the image as it is.
            sweeps: what to do. `None` (default): those of the paper at this size.
            batch_size: copies that go through the network at once.
            show_progress: whether to show a progress bar.

        Returns:
            One `InvarianceCurves` for each sweep.

        Raises:
            UsageError: images of another shape, or labels that do not fit them.
        """
        images = self._checked(as_numbers("images", images))
        batch_size = whole_number("batch_size", batch_size, 1)
        sweeps = paper_sweeps(self.size[0]) if sweeps is None else sweeps
        centre = centre_of(images.shape[1:3], self.size)
        matrices = [sweep.matrices(sweep.values, centre) for sweep in sweeps]
        identities = np.tile(np.array([1, 0, 0, 0, 1, 0], np.float32), (len(images), 1))
        *references, outputs = self._features(
            tf.constant(images), tf.constant(identities)
        )
        followed = tf.constant(_labels(labels, outputs.numpy()), tf.int32)
        known = (tf.constant(images), followed, *references)
        counts = [len(one) for one in matrices]
        # All sweeps of the first image, then of the second, ...
        every = np.tile(np.concatenate(matrices), (len(images), 1))
        which = np.repeat(np.arange(len(images), dtype=np.int32), sum(counts))
        columns = run_in_batches(
            lambda *rows: self._compare(*rows, *known),
            [which, every],
            batch_size,
            unit="images",
            show_progress=show_progress,
        )
        columns = [column.reshape(len(images), -1) for column in columns]
        norms = [np.linalg.norm(one.numpy(), axis=1) for one in references]
        curves = []
        for sweep, end, count in zip(sweeps, np.cumsum(counts), counts, strict=True):
            *distances, probabilities, answers = (
                column[:, end - count : end] for column in columns
            )
            curves.append(
                InvarianceCurves(
                    sweep,
                    dict(zip(self.layers, distances, strict=True)),
                    dict(zip(self.layers, norms, strict=True)),
                    probabilities,
                    answers,
                )
            )
        return curves

    def pictures(self, image: np.ndarray, sweep: Sweep, values) -> np.ndarray:
        """Shows what the network sees of a transformed image.

        Args:
            image: array (height, width, channels), 0-255.
            sweep: the kind of transformation.
            values: array (k,).

        Returns:
            uint8 array (k, height, width, channels).
        """
        images = self._checked(as_numbers("image", image)[None])
        matrices = sweep.matrices(
            np.asarray(values), centre_of(images.shape[1:3], self.size)
        )
        pixels = self._prepared(np.repeat(images, len(matrices), 0), matrices).numpy()
        shown = pixels / self.input_scale + self._mean_crop(images.shape)
        return np.rint(np.clip(shown, 0, 255)).astype(np.uint8)

    def _checked(self, images):
        channels = self._network.inputs[0].shape[-1]
        fits = images.ndim == 4 and len(images) and images.shape[-1] == channels
        if not fits or np.any(np.less(images.shape[1:3], self.size)):
            raise UsageError(
                argument="images",
                received=images.shape,
                expected=f"(n, height, width, {channels}), at least one, of "
                f"{self.size} or more pixels",
            )
        if self.mean_image.ndim and self.mean_image.shape != images.shape[1:]:
            raise UsageError(
                argument="images",
                received=images.shape,
                expected=f"of the size of the mean image, {self.mean_image.shape}",
            )
        return images.astype(np.float32)

    def _mean_crop(self, shape):
        """Cuts out the part of the mean image that the network reads."""
        if not self.mean_image.ndim:
            return self.mean_image
        top, left = corner(shape[1:3], self.size)
        return self.mean_image[top : top + self.size[0], left : left + self.size[1]]

    def _prepared(self, images, matrices):
        """Transforms images to what the network reads; 0 outside of them."""
        moved, coverage = transform(images, matrices, self.size, self.fill)
        return (moved - coverage * self._mean_crop(images.shape)) * self.input_scale

    def _look(self, images, matrices):
        """Transforms images; computes features (n, features), outputs (n, classes)."""
        *layers, outputs = self._network(
            self._prepared(images, matrices), training=False
        )
        flat = [tf.reshape(one, (tf.shape(one)[0], -1)) for one in layers]
        return [tf.cast(one, tf.float32) for one in (*flat, outputs)]

    def _distances(self, which, matrices, images, labels, *references):
        """Distances of each layer, probability and label of transformed images."""
        *layers, outputs = self._look(tf.gather(images, which), matrices)
        distances = [
            tf.norm(features - tf.gather(reference, which), axis=1)
            for features, reference in zip(layers, references, strict=True)
        ]
        probability = tf.gather(outputs, tf.gather(labels, which), batch_dims=1)
        return (*distances, probability, tf.argmax(outputs, axis=1))


def _labels(labels, outputs) -> np.ndarray:
    """Checks the labels (n,); `None` means the most likely class of each image."""
    if outputs.ndim != 2:
        raise UsageError(
            argument="model",
            received=outputs.shape,
            expected="one with one output (batch, classes)",
        )
    predicted = outputs.argmax(axis=1)
    if labels is None:
        return predicted
    if len(labels) != len(outputs):
        raise UsageError(
            argument="labels",
            received=len(labels),
            expected=f"one for each of {len(outputs)} images",
        )
    pairs = zip(labels, predicted.tolist(), strict=True)
    found = np.array(
        [best if one is None else whole_number("labels", one) for one, best in pairs]
    )
    if found.min() < 0 or found.max() >= outputs.shape[1]:
        raise UsageError(
            argument="labels",
            received=labels,
            expected=f"from 0 to {outputs.shape[1] - 1}",
        )
    return found
