"""The deconvnet on whichever backend Keras has."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import visualize
from tests.backends.write_files import QUARTER, quarter_projections
from tests.helpers.gradients import gradient


def test_projections_of_quarter_are_tensorflows():
    found = quarter_projections()
    with np.load(QUARTER) as expected:
        for method, projection in found.items():
            scale = np.abs(expected[method]).max()
            np.testing.assert_allclose(projection, expected[method], atol=1e-5 * scale)


def network(size):
    """A network with most linear layers, branches, and maxima of two kinds."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((*size, 3))
    x = layers.Conv2D(6, 5, 2, "same", activation="relu")(inputs)
    x = layers.MaxPooling2D(3, 2, "same")(x)
    x = layers.BatchNormalization()(x)
    left = layers.DepthwiseConv2D(3, padding="same", activation="relu")(x)
    right = layers.Conv2D(6, 3, dilation_rate=2, padding="same")(layers.ReLU()(x))
    x = layers.Concatenate()([layers.Add()([left, right]), x])
    x = layers.AveragePooling2D(2, name="average")(x)
    x = layers.SeparableConv2D(5, 3, activation="relu", name="separable")(x)
    x = layers.GlobalMaxPooling2D()(x)
    x = layers.Dense(4, "relu")(x)
    return keras.Model(inputs, layers.Dense(3, name="answer")(x))


@pytest.mark.parametrize("size", [(33, 29), (None, None)], ids=["fixed", "free"])
@pytest.mark.parametrize("layer", ["average", "separable", "answer"])
def test_the_gradient_method_is_the_backends_own_gradient(layer, size):
    model = network(size)
    image = np.random.default_rng(0).normal(size=(1, 33, 29, 3)).astype("float32")
    deconvnet = visualize.Deconvnet(model, method="gradient")
    found = deconvnet.project_units(image, layer)
    part = keras.Model(model.inputs, model.get_layer(layer).output)
    position = () if layer == "answer" else map(int, found.positions[0])
    place = (0, *position, int(found.channels[0]))

    def activation(x):
        return part(x, training=False)[place]

    value = ops.convert_to_numpy(activation(ops.array(image)))
    np.testing.assert_allclose(found.activations[0], value, rtol=1e-5)
    expected = ops.convert_to_numpy(gradient(activation, image)) * value
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(
        found.reconstructions, expected, atol=1e-5 * np.abs(expected).max()
    )


def test_generalised_rules_run():
    inputs = keras.Input((20, 20, 3))
    x = layers.Conv2D(4, 3, activation="gelu")(inputs)
    x = layers.LayerNormalization()(x)
    gate = layers.Dense(4, "sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = layers.Conv2D(4, 3, activation="silu", name="top")(layers.Multiply()([x, gate]))
    model = keras.Model(inputs, x)
    images = np.random.default_rng(0).normal(size=(2, 20, 20, 3)).astype("float32")
    found = visualize.Deconvnet(model, rules="generalised").project(images, "top")
    assert found.shape == images.shape and np.abs(found).max() > 0
