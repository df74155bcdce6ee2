"""Keeps the strongest activations of each channel, batch by batch and shard by shard.

Of some layers, by name, arrays hold what is strongest: "NAME values" float32 (channels,
count), strongest first, and "NAME places" int64 (channels, count, 4): the image's place
in the split, its label, y, x. Where there are fewer images, values are -inf and places
-1. Equal activations stand in the order of their images.
"""

import functools
from collections.abc import Callable, Iterator, Mapping

import keras
import numpy as np
import tensorflow as tf

from zfkeras.errors import RunError
from zfkeras.graph.layer_outputs import as_maps


def array_names(layer_name: str) -> tuple[str, str]:
    """Returns the names of the arrays that hold what is strongest in a layer."""
    return f"{layer_name} values", f"{layer_name} places"


class Scanner:
    """Passes images through a network and keeps what is strongest.

    `tensors`: name -> tensor of the model, of shape (batch, height, width, channels) or
    (batch, units).
    """

    def __init__(self, model: keras.Model, tensors: Mapping[str, keras.KerasTensor]):
        self._update = make_update(keras.Model(model.inputs, [*tensors.values()]))
        self._sizes = {name: tensor.shape[-1] for name, tensor in tensors.items()}

    def scan(
        self, batches: Iterator[dict], count: int, batch_size: int
    ) -> Iterator[dict[str, np.ndarray]]:
        """Yields what is strongest in all batches: {"image", "label", "position"}."""
        channels = sum(self._sizes.values())
        values = np.full((channels, count), -np.inf, np.float32)
        places = np.full((channels, count, 4), -1, np.int64)
        for batch in batches:
            # A last batch of another size would be compiled anew.
            missing = batch_size - len(batch["position"])
            images = tf.pad(batch["image"], [[0, missing], [0, 0], [0, 0], [0, 0]])
            examples = tf.stack([batch["position"], batch["label"]], axis=1)
            examples = tf.pad(examples, [[0, missing], [0, 0]], constant_values=-1)
            values, places, finite = self._update(values, places, images, examples)
            self._check(finite.numpy(), batch)
        ends = np.cumsum([*self._sizes.values()])[:-1]
        arrays = (np.split(np.asarray(array), ends) for array in (values, places))
        found = {}
        for layer, *parts in zip(self._sizes, *arrays, strict=True):
            found |= zip(array_names(layer), parts, strict=True)
        yield found

    def _check(self, finite, batch):
        if finite.all():
            return
        number = int(np.argmin(finite))
        units = [(name, c) for name, size in self._sizes.items() for c in range(size)]
        name, channel = units[number]
        first, last = int(batch["position"][0]), int(batch["position"][-1])
        raise RunError(
            f"layer {name} channel {channel} has an activation that is not finite, in "
            f"one of the images {first} to {last} of the split; check the weights and "
            "the preprocessing."
        )


def merge(
    one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Merges what is strongest in two parts of a split, the earlier of them first."""
    merged = {}
    for layer in {name.rpartition(" ")[0] for name in one}:
        names = array_names(layer)
        values, places = (np.concatenate([one[n], other[n]], axis=1) for n in names)
        # A stable order keeps earlier images first among equals.
        order = np.argsort(-values, axis=1, kind="stable")[:, : one[names[0]].shape[1]]
        merged[names[0]] = np.take_along_axis(values, order, axis=1)
        merged[names[1]] = np.take_along_axis(places, order[..., None], axis=1)
    return merged


def make_update(network: keras.Model) -> Callable:
    """Compiles the step from (values, places, images, examples) to the next state."""

    @functools.partial(tf.function, autograph=False)
    def update(values, places, images, examples):
        maps = network(images, training=False)
        found = [
            _maxima(as_maps(tf.cast(layer, tf.float32)))
            for layer in tf.nest.flatten(maps)
        ]
        new_values = tf.concat([value for value, _ in found], axis=1)
        new_positions = tf.concat([position for _, position in found], axis=1)
        is_image = examples[:, :1] >= 0
        finite = tf.reduce_all(tf.math.is_finite(new_values) | ~is_image, axis=0)
        new_values = tf.where(is_image, new_values, -np.inf)
        same = tf.repeat(examples[:, None], tf.shape(new_values)[1], axis=1)
        new_places = tf.concat([same, tf.cast(new_positions, tf.int64)], axis=2)
        # Earlier ones stand first, and top_k keeps that order among equals.
        all_values = tf.concat([values, tf.transpose(new_values)], axis=1)
        all_places = tf.concat([places, tf.transpose(new_places, (1, 0, 2))], axis=1)
        values, order = tf.math.top_k(all_values, tf.shape(values)[1])
        return values, tf.gather(all_places, order, batch_dims=1), finite

    return update


@functools.partial(tf.function, jit_compile=True)
def _maxima(maps):
    """Returns each map's largest value (batch, channels) and first place (..., 2)."""
    height, width = tf.shape(maps)[1], tf.shape(maps)[2]
    flat = tf.reshape(maps, (-1, height * width, maps.shape[3]))
    largest = tf.reduce_max(flat, axis=1)
    place = tf.range(height * width)[:, None]
    is_largest = flat == largest[:, None]
    first = tf.reduce_min(tf.where(is_largest, place, height * width), axis=1)
    return largest, tf.stack([first // width, first % width], axis=-1)
