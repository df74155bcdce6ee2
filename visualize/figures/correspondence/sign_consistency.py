"""Measures whether hiding the same part changes features alike (Table 1)."""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from scipy.spatial.distance import pdist
from tqdm import tqdm

from visualize.deconvnet.checks import list_of_layers
from visualize.images.occluders import occlude
from zfkeras.errors import UsageError
from zfkeras.graph.layer_tensor import layer_tensor

# A change below this share of the largest feature is the rounding of another batch.
_ROUNDING = 1e-5


@dataclasses.dataclass(frozen=True, eq=False)
class SignChanges:
    """How features' signs change under masks, compared between images."""

    distances: dict[int | str, np.ndarray]
    changed: dict[int | str, np.ndarray]


def measure_sign_changes(
    model: keras.Model,
    images: np.ndarray,
    masks: np.ndarray,
    layers: Sequence[int | str] = (5, 7),
    *,
    occlusion_value: float = 0.0,
    batch_size: int = 64,
    show_progress: bool = False,
) -> SignChanges:
    """Compares sign(features - features of the occluded image) between images.

    Zeiler & Fergus 2014, sec. 4.3: eps_i = x_i - x~_i for image i, and the Hamming
    distance H(sign(eps_i), sign(eps_j)) over all pairs.

    images: float array (n, height, width, channels); masks: int array (m, n, 4).
    """
    images, masks = np.asarray(images, np.float32), np.asarray(masks, np.int32)
    if images.ndim != 4 or len(images) < 2 or masks.shape[1:] != (len(images), 4):
        raise UsageError(
            "`masks` must be (m, n, 4) for `images` (n, height, width, channels), n at "
            f"least 2. Received: masks.shape={masks.shape}, "
            f"images.shape={images.shape}."
        )
    layers = list_of_layers(layers)
    tensors = [layer_tensor(model, layer)[1] for layer in layers]
    network = keras.Model(model.inputs[0], tensors)
    count, which = len(images), np.arange(masks.shape[0] * len(images)) % len(images)
    boxes = masks.reshape(-1, 4)

    def features(pixels):
        found = tf.nest.flatten(network(pixels, training=False))
        flat = [tf.reshape(one, (tf.shape(one)[0], -1)) for one in found]
        return [tf.cast(one, tf.float32) for one in flat]

    @tf.function(autograph=False, reduce_retracing=True)
    def signs(which, boxes, *originals):
        occluded = occlude(tf.gather(images, which), boxes, occlusion_value)
        changes = []
        for found, original in zip(features(occluded), originals, strict=True):
            change = tf.gather(original, which) - found
            limit = _ROUNDING * tf.reduce_max(tf.abs(original))
            change = tf.where(tf.abs(change) > limit, tf.sign(change), 0.0)
            changes.append(tf.cast(change, tf.int8))
        return changes

    originals = features(tf.constant(images))
    found = []
    with tqdm(total=len(boxes), unit=" images", disable=not show_progress) as bar:
        for first in range(0, len(boxes), batch_size):
            part = slice(first, first + batch_size)
            size = len(boxes[part])
            missing = min(batch_size, len(boxes)) - size
            answers = signs(
                tf.constant(np.pad(which[part], (0, missing))),
                tf.constant(np.pad(boxes[part], ((0, missing), (0, 0)))),
                *originals,
            )
            found.append([answer.numpy()[:size] for answer in answers])
            bar.update(size)
    columns = [np.concatenate(parts) for parts in zip(*found, strict=True)]
    columns = [column.reshape(len(masks), count, -1) for column in columns]
    return SignChanges(
        {
            layer: np.stack([pdist(signs, "hamming") for signs in column])
            for layer, column in zip(layers, columns, strict=True)
        },
        {
            layer: np.mean(column != 0, axis=-1)
            for layer, column in zip(layers, columns, strict=True)
        },
    )
