"""Batches for training and evaluation, and the mean image, out of a split.

Every image is read, decoded and cropped by one NumPy function inside tf.data, several
at a time; nothing grows with the size of the data set.
"""

import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from zfkeras.data.files import decoding as images
from zfkeras.data.files.bad_images import BadImage, BadImages
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.split import Split
from zfkeras.errors import RunError

# Examples that are loaded in one call, and the bytes beyond which there are fewer.
_LARGEST_CHUNK = 32
_CHUNK_BYTES = 2**21

#: Turns tf.data's tuner off. It has nothing to find, as images are loaded on all CPUs
#: with it or without, and its thread would sleep on, up to a minute, while an exhausted
#: iterator waits for its end.
UNTUNED = tf.data.Options()
UNTUNED.autotune.enabled = False


def training_batches(
    split: Split,
    preprocessing: Preprocessing,
    batch_size: int,
    *,
    seed: int,
    epoch: int,
    start: int = 0,
    bad_images: BadImages,
) -> tf.data.Dataset:
    """Makes one epoch of shuffled, randomly cropped and flipped batches.

    {"image": float32 (batch, *input_shape), "label", "position": int64 (batch,)}.
    (seed, epoch) decide the order and (seed, epoch, position) each crop, so an epoch
    resumed at `start` continues exactly. A last, smaller batch is kept only if alone.
    """
    load = training_load(split, preprocessing, seed, epoch)
    examples = split.stream(shuffle_seed=(seed, epoch), start=start).enumerate(start)
    shape = preprocessing.input_shape
    dataset = _loaded(examples, load, shape, tf.float32, bad_images)
    if split.num_examples < 2 * batch_size:
        dataset = _first_or_full(dataset.batch(batch_size), batch_size, start)
    else:
        dataset = dataset.batch(batch_size, drop_remainder=True)
    return dataset.prefetch(tf.data.AUTOTUNE)


def training_load(
    split: Split, preprocessing: Preprocessing, seed: int, epoch: int
) -> Callable[[bytes, bytes, int], np.ndarray]:
    """Makes the function from (key, id, position) to a training crop."""

    def load(key, name, position):
        crop_seed = (seed, epoch, int(position))
        square = preprocessing.square(split.read(key))
        return preprocessing.training_crop(square, crop_seed)

    return load


def evaluation_batches(
    split: Split,
    preprocessing: Preprocessing,
    batch_size: int,
    *,
    ten_crop: bool = False,
    start: int = 0,
    bad_images: BadImages,
) -> tf.data.Dataset:
    """Batches all images once, in the split's own order.

    An image that cannot be read makes its batch smaller; the others stay as they are,
    so that a pass begun at any batch, by whichever worker, has the same batches.
    {"image": float32 (batch[, 10], *input_shape), "label", "position": int64 (batch,)}
    """
    crop = preprocessing.ten_crop if ten_crop else preprocessing.centre_crop

    def load(key, name, position):
        return crop(preprocessing.square(split.read(key)))

    shape = preprocessing.input_shape
    shape = (10, *shape) if ten_crop else shape
    examples = split.stream(start=start).enumerate(start)
    dataset = attempted(examples, load, shape, tf.float32, bad_images)
    batches = dataset.batch(batch_size).map(_only_good)
    batches = batches.filter(lambda batch: tf.size(batch["position"]) > 0)
    return batches.prefetch(tf.data.AUTOTUNE)


def squares(split: Split, size: int, bad_images: BadImages) -> tf.data.Dataset:
    """Streams all images as squares: {"image": uint8 (size, size, 3), "label", ...}."""

    def load(key, name, position):
        return images.centre_square(images.decode(split.read(key), size), size)

    return _loaded(
        split.stream().enumerate(), load, (size, size, 3), tf.uint8, bad_images
    )


def compute_mean_image(
    split: Split, size: int, bad_images: BadImages, progress=None, combine=None
) -> np.ndarray:
    """Computes the mean of all squares of a split: float32 (size, size, 3), 0-255."""
    total = np.zeros((size, size, 3), np.uint64)
    count = 0
    for batch in squares(split, size, bad_images).batch(256).as_numpy_iterator():
        total += batch["image"].sum(axis=0, dtype=np.uint64)
        count += len(batch["image"])
        bad_images.check()
        if progress is not None:
            progress(len(batch["image"]))
    bad_images.check()
    if combine is not None:
        total, count = combine(total.astype(np.int64)), int(combine(np.int64(count)))
    if count == 0:
        raise RunError("no image to take the mean of could be read")
    return (total / count).astype(np.float32)


def _first_or_full(batches, batch_size, start):
    """Keeps the epoch's first batch, which may be smaller, and full ones."""

    def is_kept(number, batch):
        is_first = (number == 0) & (start == 0)
        return is_first | (tf.shape(batch["label"])[0] == batch_size)

    return batches.enumerate().filter(is_kept).map(lambda number, batch: batch)


def _only_good(batch):
    """Leaves the bad images of a batch out."""
    good = batch.pop("good")
    return tf.cond(
        tf.reduce_all(good),
        lambda: batch,
        lambda: {name: tf.boolean_mask(part, good) for name, part in batch.items()},
    )


def _loaded(examples, load, shape, dtype, bad_images):
    """Maps (position, example) to loaded examples, without those that are bad."""
    dataset = attempted(examples, load, shape, dtype, bad_images)
    dataset = dataset.filter(lambda example: example["good"])
    return dataset.map(
        lambda example: {k: v for k, v in example.items() if k != "good"}
    )


def attempted(
    examples: tf.data.Dataset,
    load: Callable[[bytes, bytes, int], np.ndarray],
    shape: tuple[int, ...],
    dtype: tf.DType,
    bad_images: BadImages,
) -> tf.data.Dataset:
    """Loads examples several at a time, in order; those that are bad become zeros."""

    def attempt(key, name, position):
        try:
            return load(key, name, position), True
        except (BadImage, OSError) as err:
            reason = str(err)
        bad_images.add(name.decode("utf-8", "replace"), reason)
        return np.zeros(shape, dtype.as_numpy_dtype), False

    def attempt_all(keys, names, positions):
        loaded = np.empty((len(keys), *shape), dtype.as_numpy_dtype)
        good = np.empty(len(keys), np.bool_)
        for row, example in enumerate(zip(keys, names, positions, strict=True)):
            loaded[row], good[row] = attempt(*example)
        return loaded, good

    def read(positions, chunk):
        loaded, good = tf.numpy_function(
            attempt_all, [chunk["key"], chunk["id"], positions], [dtype, tf.bool]
        )
        loaded.set_shape((None, *shape))
        good.set_shape((None,))
        return {
            "image": loaded,
            "label": chunk["label"],
            "position": positions,
            "good": good,
        }

    # The way into Python and back costs more than decoding a small image: a few go in
    # together, as many as keep a chunk small.
    size = max(1, min(_LARGEST_CHUNK, _CHUNK_BYTES // (math.prod(shape) * dtype.size)))
    chunks = examples.batch(size).map(read, num_parallel_calls=tf.data.AUTOTUNE)
    return chunks.unbatch().with_options(UNTUNED)
