"""One streaming pass over a split that keeps the strongest activations."""

import dataclasses
import functools
import logging
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from visualize.strongest.scan_state import ScanState, save_state
from zfkeras.data.pipeline import evaluation_batches
from zfkeras.errors import RunError
from zfkeras.graph.layer_outputs import as_maps

_log = logging.getLogger(__name__)


class Scan:
    """One pass, or the rest of one, over a split."""

    def __init__(self, update, state, split, preprocessing, state_path, bad_images):
        self.update, self.state, self.split = update, state, split
        self.preprocessing, self.state_path = preprocessing, state_path
        self.bad_images = bad_images

    def run(self, batch_size, save_seconds, show_progress) -> ScanState:
        """Passes over what is left; returns the state behind the last example."""
        batch_size = min(batch_size, max(self.split.num_examples, 1))
        batches = evaluation_batches(
            self.split,
            self.preprocessing,
            batch_size,
            start=self.state.next_position,
            bad_images=self.bad_images,
        )
        if begun := self.state.next_position:
            _log.info("the scan goes on behind %d images", begun)
        saved = time.monotonic()
        bar = tqdm(
            total=self.split.num_examples,
            initial=self.state.next_position,
            unit=" images",
            desc="scan",
            disable=not show_progress,
        )
        try:
            with bar:
                for batch in batches:
                    before = self.state.next_position
                    self._take(batch, batch_size)
                    self.bad_images.check()
                    bar.update(self.state.next_position - before)
                    if time.monotonic() - saved >= save_seconds:
                        self._save()
                        saved = time.monotonic()
            self.bad_images.check()
        except RunError:
            if self.state_path is not None:  # it passed over what is now to be mended
                Path(self.state_path).unlink(missing_ok=True)
            raise
        except BaseException:
            self._save()
            raise
        self._set(next_position=self.split.num_examples, is_complete=True)
        self._save()
        return self.state

    def _take(self, batch, batch_size):
        """Merges the strongest activations of a batch into those found so far."""
        number = len(batch["label"])
        missing = batch_size - number  # A last batch of another size would recompile.
        images = tf.pad(batch["image"], [[0, missing], [0, 0], [0, 0], [0, 0]])
        examples = tf.stack([batch["position"], batch["label"]], axis=1)
        examples = tf.pad(examples, [[0, missing], [0, 0]], constant_values=-1)
        values, places, finite = self.update(
            self.state.values, self.state.places, images, examples
        )
        self._check(finite.numpy(), batch)
        self._set(
            values=values,
            places=places,
            next_position=int(batch["position"][-1]) + 1,
            num_images=self.state.num_images + number,
        )

    def _set(self, **changes):
        self.state = dataclasses.replace(self.state, **changes)

    def _save(self):
        self._set(
            values=np.asarray(self.state.values),
            places=np.asarray(self.state.places),
            bad_images=self.bad_images.reasons(),
        )
        if self.state_path is not None:
            save_state(self.state_path, self.state)

    def _check(self, finite, batch):
        if finite.all():
            return
        row = int(np.argmin(finite))
        starts = {name: self.state.rows(name).start for name, _ in self.state.layers}
        name = max((n for n in starts if starts[n] <= row), key=starts.get)
        first, last = int(batch["position"][0]), int(batch["position"][-1])
        raise RunError(
            f"layer {name} channel {row - starts[name]} has an activation that is not "
            f"finite, in one of the images {first} to {last} of the split; check the "
            "weights and the preprocessing."
        )


def make_update(network: keras.Model):
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
