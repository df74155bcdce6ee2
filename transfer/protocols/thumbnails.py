"""Small grey images of a split, and vectors of them whose product is a correlation.

`transfer.protocols.overlap` compares them.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from scipy import ndimage

from zfkeras.data.files import decoding as images
from zfkeras.data.files.bad_images import BadImage, BadImages
from zfkeras.data.in_graph.loading import UNTUNED
from zfkeras.data.split import Split

_BATCH = 1024
_GREY = np.float32([0.299, 0.587, 0.114])  # the luminance of ITU-R BT.601
_FLATTEST = 1.0  # standard deviation in grey levels, of 255


class Batch(NamedTuple):
    """Some images of a split, in its order.

    Shapes: `ids` bytes array (number,), `labels` int64 array (number,), `pixels`
    float32 array (number, size, size).
    """

    ids: np.ndarray
    labels: np.ndarray
    pixels: np.ndarray


def thumbnails(split: Split, size: int, bad_images: BadImages) -> Iterator[Batch]:
    """Streams the centre squares of a split's images, small and grey."""

    def load(key, id):
        try:
            square = images.centre_square(images.decode(split.read(key), size), size)
            return square @ _GREY, True
        except (BadImage, OSError) as err:
            bad_images.add(id.decode("utf-8", "replace"), str(err))
            return np.zeros((size, size), np.float32), False

    def loaded(example):
        pixels, good = tf.numpy_function(
            load, [example["key"], example["id"]], [tf.float32, tf.bool]
        )
        pixels.set_shape((size, size))
        good.set_shape(())
        return example["id"], example["label"], pixels, good

    dataset = split.stream().map(loaded, num_parallel_calls=tf.data.AUTOTUNE)
    dataset = dataset.filter(lambda id, label, pixels, good: good)
    dataset = dataset.map(lambda id, label, pixels, good: (id, label, pixels))
    dataset = dataset.batch(_BATCH).prefetch(1).with_options(UNTUNED)
    for batch in dataset.as_numpy_iterator():
        yield Batch(*batch)


def unit_vectors(pixels: np.ndarray, surround: int | None) -> np.ndarray:
    """Turns images into vectors whose product is the images' normalised correlation.

    The vector of a flat image, whose grey levels deviate by less than 1 of 255, is
    zero: otherwise it would be the noise of its compression.

    Shapes: `pixels` float32 array (number, height, width), result float32 array
    (number, height * width).
    """
    if surround is not None:
        square = (1, surround, surround)
        pixels = pixels - ndimage.uniform_filter(pixels, square, mode="nearest")
    vectors = pixels.reshape(len(pixels), -1)
    vectors = vectors - vectors.mean(axis=1, keepdims=True)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    is_flat = length < _FLATTEST * np.sqrt(vectors.shape[1])
    return np.where(is_flat, 0, vectors / np.where(is_flat, 1, length))
