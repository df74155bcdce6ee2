"""Batches for training and evaluation, and the mean image, out of a split.

Images come as chunks of a few from `in_graph.loading`; nothing grows with the size of
the data set.
"""

import numpy as np
import tensorflow as tf

from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.in_graph.crops import centre_crops, ten_crops
from zfkeras.data.in_graph.loading import good_ones, load_chunks
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.split import Split
from zfkeras.errors import RunError


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
    """Makes one epoch of shuffled batches, with a random window for each image.

    {"image": uint8 (batch, height, width, 3), "window": float32 (batch, 6), "label",
    "position": int64 (batch,)}; `in_graph.crops.training_crops` makes the network's
    input of the first two, where the network is. (seed, epoch) decide the order and
    (seed, epoch, position) each window, so an epoch resumed at `start` continues
    exactly. A last, smaller batch is kept only if alone.
    """
    examples = split.stream(shuffle_seed=(seed, epoch), start=start).enumerate(start)
    dataset = training_chunks(
        examples, split, preprocessing, seed, epoch, bad_images
    ).map(good_ones)
    if split.num_examples < 2 * batch_size:
        dataset = _first_or_full(dataset.unbatch().batch(batch_size), batch_size, start)
    else:
        dataset = dataset.unbatch().batch(batch_size, drop_remainder=True)
    return dataset.prefetch(tf.data.AUTOTUNE)


def training_chunks(
    examples: tf.data.Dataset,
    split: Split,
    preprocessing: Preprocessing,
    seed: int,
    epoch: int,
    bad_images: BadImages,
) -> tf.data.Dataset:
    """Loads (position, example) in chunks, as `load_chunks`, and draws the windows."""

    def draw(positions):
        windows = [
            preprocessing.training_window((seed, epoch, position))
            for position in positions.tolist()
        ]
        return np.array(windows, np.float32)

    def with_windows(chunk):
        windows = tf.numpy_function(draw, [chunk["position"]], tf.float32)
        windows.set_shape((None, 6))
        return {**chunk, "window": windows}

    shape = preprocessing.image_shape[:2]
    return load_chunks(examples, split, shape, bad_images).map(with_windows)


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
    crop = ten_crops if ten_crop else centre_crops

    def cropped(chunk):
        return {**chunk, "image": crop(preprocessing, chunk["image"])}

    examples = split.stream(start=start).enumerate(start)
    shape = preprocessing.image_shape[:2]
    chunks = load_chunks(examples, split, shape, bad_images).map(cropped)
    batches = chunks.unbatch().batch(batch_size).map(good_ones)
    batches = batches.filter(lambda batch: tf.size(batch["position"]) > 0)
    return batches.prefetch(tf.data.AUTOTUNE)


def compute_mean_image(
    split: Split, size: int, bad_images: BadImages, progress=None, combine=None
) -> np.ndarray:
    """Computes the mean of all squares of a split: float32 (size, size, 3), 0-255."""
    total = np.zeros((size, size, 3), np.uint64)
    count = 0
    examples = split.stream().enumerate()
    for chunk in load_chunks(examples, split, (size, size), bad_images):
        images = good_ones(chunk)["image"].numpy()
        total += images.sum(axis=0, dtype=np.uint32)
        count += len(images)
        bad_images.check()
        if progress is not None:
            progress(len(images))
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
