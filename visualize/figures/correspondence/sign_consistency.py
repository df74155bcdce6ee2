"""Measures whether hiding the same part changes features alike (Table 1)."""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from scipy.spatial.distance import pdist

from visualize.deconvnet.checks import list_of_layers
from visualize.figures.batches import run_in_batches
from visualize.images.occluders import occlude
from zfkeras.errors import UsageError
from zfkeras.graph.layer_graph import LayerGraph

# A change below this share of the largest feature is the rounding of another batch.
_ROUNDING = 1e-5


@dataclasses.dataclass(frozen=True, eq=False)
class SignChanges:
    """How features' signs change under m masks, compared between n images."""

    distances: dict[int | str, np.ndarray]  # layer -> float (m, pairs of images)
    changed: dict[int | str, np.ndarray]  # layer -> float (m, n), share of features


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
            argument="masks",
            received=f"masks.shape={masks.shape}, images.shape={images.shape}",
            expected="(m, n, 4) for images (n, height, width, channels), n at least 2",
        )
    layers = list_of_layers(layers)
    tensors = [*LayerGraph(model).tensors(layers).values()]
    network = keras.Model(model.inputs[0], tensors)

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
    shape = masks.shape[:2]
    columns = run_in_batches(
        lambda *rows: signs(*rows, *originals),
        [np.tile(np.arange(shape[1]), shape[0]), masks.reshape(-1, 4)],
        batch_size,
        unit="images",
        show_progress=show_progress,
    )
    found = {
        layer: column.reshape(*shape, -1)
        for layer, column in zip(layers, columns, strict=True)
    }
    return SignChanges(
        {
            layer: np.stack([pdist(one, "hamming") for one in changes])
            for layer, changes in found.items()
        },
        {layer: np.mean(changes != 0, axis=-1) for layer, changes in found.items()},
    )
