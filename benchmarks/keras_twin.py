"""The same network of layers that Keras and TensorFlow bring, with the same weights."""

import keras
import tensorflow as tf

from benchmarks.checks import check_answers, twin_images
from benchmarks.precisions import CLOSENESS, with_policy


def keras_twin(model: keras.Model, policy: str) -> keras.Model:
    """Builds the twin in a precision; raises AssertionError if it answers otherwise."""
    ours = with_policy(model, policy)
    x = inputs = keras.Input(ours.input_shape[1:])
    for layer in ours.layers[1:]:
        x = _twin_of(layer)(x)
    twin = keras.Model(inputs, x)
    twin.set_weights(model.get_weights())
    images = twin_images(model)
    check_answers("stock Keras", twin(images), model(images), **CLOSENESS[policy])
    return twin


def _twin_of(layer):
    known = {"name": layer.name, "dtype": layer.dtype_policy}
    if layer.name.startswith("norm"):
        return keras.layers.Lambda(_normalised, **known)
    if layer.name.startswith("pool"):
        return keras.layers.MaxPooling2D(3, 2, layer.windows.padding, **known)
    return type(layer).from_config(layer.get_config())


def _normalised(x):
    """TensorFlow's local response normalisation; on CPUs it has no bfloat16."""
    single = tf.cast(x, tf.float32)
    norm = tf.nn.local_response_normalization(single, 2, 2.0, 1e-4, 0.75)
    return tf.cast(norm, x.dtype)
