"""What `Preprocessing` does to one image, done to batches in TensorFlow's graph.

Centre crops and ten crops are those of `Preprocessing` to the bit. Training crops are
made here only; if they change scale or sharpness, they are not rounded to whole grey
levels.
"""

import numpy as np
import tensorflow as tf

from zfkeras.data import crops
from zfkeras.data.preprocessing import Preprocessing


def training_crops(
    preprocessing: Preprocessing, images: tf.Tensor, windows: tf.Tensor
) -> tf.Tensor:
    """Cuts a window out of each image.

    uint8 (n, height, width, 3) and float32 (n, 6) of `training_window` -> float32
    (n, *input_shape).
    """
    differences = _centred(preprocessing, images)
    top, left, bottom, right, flip, reduction = tf.unstack(windows, axis=1)
    height, width = crops.size_pair(preprocessing.crop_size)
    flipped = tf.cast(flip, tf.bool)[:, None]
    if preprocessing.min_crop_area is preprocessing.max_reduction is None:
        rows = tf.cast(top, tf.int32)[:, None] + tf.range(height)
        columns = tf.cast(left, tf.int32)[:, None] + tf.range(width)
        columns = tf.where(flipped, columns[:, ::-1], columns)
        tall = tf.gather(differences, rows, axis=1, batch_dims=1)
        return tf.gather(tall, columns, axis=2, batch_dims=1)
    rows = _bilinear(top, bottom, height, images.shape[1], reduction)
    columns = _bilinear(left, right, width, images.shape[2], reduction)
    columns = tf.where(flipped[..., None], columns[:, ::-1], columns)
    tall = tf.einsum("niy,nyxc->nixc", rows, differences)
    return tf.einsum("njx,nixc->nijc", columns, tall)


def centre_crops(preprocessing: Preprocessing, images: tf.Tensor) -> tf.Tensor:
    """Cuts the centre out: uint8 (n, height, width, 3) -> float32 (n, *input_shape)."""
    height, width = crops.size_pair(preprocessing.crop_size)
    top, left = _room(preprocessing)
    differences = _centred(preprocessing, images)
    return differences[:, top // 2 :, left // 2 :][:, :height, :width]


def ten_crops(preprocessing: Preprocessing, images: tf.Tensor) -> tf.Tensor:
    """Cuts corners, centre and their mirror images: -> (n, 10, *input_shape)."""
    height, width = crops.size_pair(preprocessing.crop_size)
    down, right = _room(preprocessing)
    differences = _centred(preprocessing, images)
    places = [(0, 0), (0, right), (down, 0), (down, right), (down // 2, right // 2)]
    five = tf.stack(
        [differences[:, y : y + height, x : x + width] for y, x in places], axis=1
    )
    return tf.concat([five, five[:, :, :, ::-1]], axis=1)


def _centred(preprocessing, images):
    """Puts images into the network's channels, subtracts the mean and scales."""
    if preprocessing.image_shape[2] == 1:
        # Pillow's grey: whole numbers of 16 binary places, rounded.
        weights = tf.constant([19595, 38470, 7471], tf.int32)
        grey = tf.reduce_sum(tf.cast(images, tf.int32) * weights, -1, keepdims=True)
        images = tf.bitwise.right_shift(grey + 0x8000, 16)
    elif preprocessing.channel_order == "bgr":
        images = images[..., ::-1]
    mean = np.asarray(preprocessing.mean_image, np.float32)
    differences = tf.cast(images, tf.float32) - mean
    if preprocessing.input_scale != 1:
        differences *= np.asarray(preprocessing.input_scale, np.float32)
    return differences


def _room(preprocessing):
    """Returns by how much (rows, columns) an image exceeds a crop."""
    shape, size = preprocessing.image_shape, preprocessing.input_shape
    return shape[0] - size[0], shape[1] - size[1]


def _bilinear(first, last, count, length, reduction):
    """Makes weights of `length` pixels for `count` samples between two borders.

    (n,), (n,) -> (n, count, length). A sample is the mean of the pixels around it, by a
    triangle as wide as the step between samples, as in Pillow's antialiased resizing,
    or as the step between the pixels of the image that is `reduction` times smaller.
    """
    step = ((last - first) / count)[:, None, None]
    centres = (
        first[:, None, None] + (tf.range(count, dtype=tf.float32)[:, None] + 0.5) * step
    )
    distances = tf.abs(tf.range(length, dtype=tf.float32) + 0.5 - centres)
    width = tf.maximum(step, reduction[:, None, None])
    weights = tf.maximum(1 - distances / width, 0)
    return weights / tf.reduce_sum(weights, axis=-1, keepdims=True)
