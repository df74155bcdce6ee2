"""How far transformed images take a network's features and answers (Fig. 5).

It measures; choosing images and drawing curves are done elsewhere.
"""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from visualize.layers import layer_tensor
from visualize.transformations import Transformation, warp
from zfkeras.errors import UsageError


@dataclasses.dataclass(frozen=True, eq=False)
class InvarianceCurves:
    """What a transformation does to a network's features and answers.

    Args:
        transformation: the row of Fig. 5.
        layer_names: of the layers looked at.
        distances: float32 array (layers, images, values): Euclidean distance between
            the features of the transformed and the original image, divided by the
            Euclidean norm of the original's.
        probabilities: float32 array (images, values), of each image's class.
        is_first: bool array (images, values): its class is the most probable one.
    """

    transformation: Transformation
    layer_names: tuple[str, ...]
    distances: np.ndarray
    probabilities: np.ndarray
    is_first: np.ndarray


class FeatureInvariance:
    """Compares a network's features of images and of transformed images.

    Zeiler & Fergus 2014, sec. 4.1 "Feature Invariance" and Fig. 5. The copies are made
    a batch at a time inside the graph, and one pass gives all layers' features and the
    probabilities, so memory does not depend on how many copies there are.

    Args:
        model: functional or sequential, from images to probabilities (batch, classes).
        layers: which features: the paper's numbers, for networks that `ZFNet` makes, or
            names of layers.

    Raises:
        UsageError: no such layer, or a model of another kind.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(4)]
        ... )
        >>> curves = FeatureInvariance(model, [model.layers[0].name]).curves(
        ...     np.ones((2, 8, 8, 3)), [0, 3], TRANSFORMATIONS[1]
        ... )
        >>> curves.distances.shape
        (1, 2, 17)
    """

    def __init__(self, model: keras.Model, layers: Sequence[int | str]):
        if len(model.inputs) != 1 or len(model.outputs) != 1:
            raise UsageError("`model` must have one input and one output.")
        if len(model.outputs[0].shape) != 2:
            raise UsageError(
                "`model` must have an output (batch, classes). "
                f"Received: {model.outputs[0].shape}."
            )
        found = [layer_tensor(model, layer) for layer in layers]
        self.layer_names = tuple(name for name, _ in found)
        tensors = [tensor for _, tensor in found]
        self._network = keras.Model(model.inputs[0], [*tensors, *model.outputs])
        self._compare = tf.function(self._compared, autograph=False)

    def curves(
        self,
        images: np.ndarray,
        labels: Sequence[int],
        transformation: Transformation,
        *,
        mean_image=0.0,
        input_scale: float = 1.0,
        batch_size: int = 64,
        show_progress: bool = False,
    ) -> InvarianceCurves:
        """Measures features and probabilities for all amounts of a transformation.

        The images are transformed as they are, then `mean_image` is subtracted and the
        rest multiplied by `input_scale`. What comes from outside an image is the mean
        image, 0 to the network.

        Args:
            images: float array (n, height, width, channels), before the mean image is
                subtracted.
            labels: class of each, whose probability is recorded.
            transformation: one of `TRANSFORMATIONS`, or your own.
            mean_image: a number or array that broadcasts to an image.
            input_scale: factor.
            batch_size: transformed copies that go through the network at once.
            show_progress: whether to show a progress bar.

        Raises:
            UsageError: the images do not fit the model or the labels, or one has
                features that are all 0, to which no distance is relative.
        """
        images = np.asarray(images, np.float32)
        labels = np.asarray(labels, np.int32)
        self._check(images, labels)
        mean_image = np.asarray(mean_image, np.float32)
        values = np.asarray(transformation.values)
        matrices = transformation.matrices(values, images.shape[1:3])
        of_image = np.repeat(np.arange(len(images), dtype=np.int32), len(values))
        matrices = np.tile(matrices, (len(images), 1))
        centred = (images - mean_image) * np.float32(input_scale)
        originals = [
            np.concatenate(parts)
            for parts in zip(
                *(
                    [part.numpy() for part in self._network(batch, training=False)[:-1]]
                    for batch in _pieces(centred, batch_size)
                ),
                strict=True,
            )
        ]
        self._check_features(originals)
        constants = [
            tf.constant(one) for one in (images, labels, mean_image, *originals)
        ]
        scale = tf.constant(input_scale, tf.float32)
        batch_size = min(batch_size, len(of_image))
        found = []
        for first in tqdm(
            range(0, len(of_image), batch_size),
            transformation.name,
            unit=" batches",
            disable=not show_progress,
        ):
            # The last batch is filled up: another size would be traced anew.
            rows = np.arange(first, first + batch_size).clip(max=len(of_image) - 1)
            answers = self._compare(of_image[rows], matrices[rows], scale, *constants)
            found.append([part.numpy() for part in answers])
        shape = (len(images), len(values))
        distances, probabilities, is_first = (
            np.concatenate(parts, axis=-1)[..., : len(of_image)]
            for parts in zip(*found, strict=True)
        )
        return InvarianceCurves(
            transformation,
            self.layer_names,
            distances.reshape(-1, *shape),
            probabilities.reshape(shape),
            is_first.reshape(shape),
        )

    def _compared(self, of_image, matrices, scale, images, labels, mean, *originals):
        copies = warp(tf.gather(images, of_image), matrices, mean)
        *features, output = self._network((copies - mean) * scale, training=False)
        distances = [
            _norm(found - tf.gather(original, of_image))
            / tf.gather(_norm(original), of_image)
            for found, original in zip(features, originals, strict=True)
        ]
        wanted = tf.gather(labels, of_image)
        output = tf.cast(output, tf.float32)
        return (
            tf.stack(distances),
            tf.gather(output, wanted, axis=1, batch_dims=1),
            tf.argmax(output, axis=1, output_type=tf.int32) == wanted,
        )

    def _check(self, images, labels):
        wanted = tuple(self._network.inputs[0].shape)
        fits = images.ndim == len(wanted) and len(images) > 0
        if not fits or any(
            side not in (None, found)
            for side, found in zip(wanted[1:], images.shape[1:], strict=True)
        ):
            raise UsageError(
                f"`images` must be {wanted} as the model takes them, one at least. "
                f"Received: images.shape={images.shape}."
            )
        classes = self._network.outputs[-1].shape[-1]
        if labels.shape != images.shape[:1] or not np.all(
            (labels >= 0) & (labels < classes)
        ):
            raise UsageError(
                f"`labels` must be one number from 0 to {classes - 1} for each image. "
                f"Received: {labels.tolist()} for {len(images)} images."
            )

    def _check_features(self, originals):
        for name, features in zip(self.layer_names, originals, strict=True):
            silent = np.flatnonzero(~features.reshape(len(features), -1).any(axis=1))
            if len(silent):
                raise UsageError(
                    "distances are relative to the original's features, but those of "
                    f"layer {name} are all 0 in image {silent[0]}; leave out one of "
                    "them."
                )


def _norm(features):
    """Euclidean norm (n,) of features (n, ...)."""
    flat = tf.reshape(tf.cast(features, tf.float32), (tf.shape(features)[0], -1))
    return tf.norm(flat, axis=1)


def _pieces(array, size):
    return (array[first : first + size] for first in range(0, len(array), size))


def straightness(amounts: np.ndarray, distances: np.ndarray) -> float:
    """How near to a straight line a curve is: R^2 of the least-squares line.

    Args:
        amounts: (n,), how much was changed.
        distances: (n,).

    Returns:
        From 0 to 1, 1 for a line; 0 for a curve that is constant.
    """
    if np.ptp(distances) == 0 or np.ptp(amounts) == 0:
        return 0.0
    return float(np.corrcoef(amounts, distances)[0, 1] ** 2)
