"""A preprocessing as a Keras model, to stand in front of a network or in tf.data."""

import keras
import numpy as np

from zfkeras.data import crops

_CHANNELS = "channels_last"  # whatever Keras's global setting says


def make_layer(preprocessing) -> keras.Model:
    """Makes the model of `Preprocessing.as_layer`, of Keras's own layers."""
    images = keras.Input((None, None, 3), name="images")
    height, width, channels = preprocessing.image_shape
    x = keras.layers.Resizing(
        height,
        width,
        crop_to_aspect_ratio=True,
        antialias=True,
        data_format=_CHANNELS,
    )(images)
    if channels == 1:
        x = keras.ops.image.rgb_to_grayscale(x, data_format=_CHANNELS)
    elif preprocessing.channel_order == "bgr":
        x = x[..., ::-1]
    size = preprocessing.input_shape[:2]
    if size != (height, width):
        x = keras.layers.CenterCrop(*size, data_format=_CHANNELS)(x)
    # Subtracted and multiplied one behind the other, so that it rounds as NumPy does.
    x = _subtraction(crops.centre_crop(preprocessing.mean_image, size))(x)
    if preprocessing.input_scale != 1:
        x = keras.layers.Rescaling(preprocessing.input_scale)(x)
    return keras.Model(images, x, name="preprocessing")


def _subtraction(mean):
    """Makes the layer that subtracts the mean, one number a channel if it is flat."""
    flat = mean[0, 0]
    if np.array_equal(mean, np.broadcast_to(flat, mean.shape)):
        return keras.layers.Normalization(
            axis=-1, mean=flat.tolist(), variance=[1.0] * len(flat)
        )
    return keras.layers.Normalization(
        axis=(1, 2, 3), mean=mean.tolist(), variance=np.ones_like(mean).tolist()
    )
