import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.helpers.projections import random_images
from tests.helpers.rules import projector_of
from visualize import Deconvnet
from zfkeras import UsageError

FUSED = ["relu", keras.activations.relu, keras.ops.relu, tf.nn.relu, layers.ReLU()]
SPELLINGS = {
    **{f"fused {function}": ("fused", function) for function in FUSED},
    "Activation": ("layer", lambda x: layers.Activation("relu")(x)),
    "ReLU": ("layer", lambda x: layers.ReLU()(x)),
    "ops.relu": ("layer", keras.ops.relu),
    "activations.relu": ("layer", keras.activations.relu),
    "ops.maximum": ("layer", lambda x: keras.ops.maximum(x, 0.0)),
    "ops.maximum, the other way round": ("layer", lambda x: keras.ops.maximum(0, x)),
}


def network(kind, relu):
    """Signals of both signs meet a ReLU that is on at some places, off at others."""
    keras.utils.set_random_seed(0)
    image = keras.Input((6, 6, 3))
    if kind == "fused":
        x = layers.Conv2D(6, 3, activation=relu)(image)
    else:
        x = relu(layers.Conv2D(6, 3)(image))
    return keras.Model(image, layers.Conv2D(2, 3, name="top")(x))


@pytest.mark.parametrize("method", ["deconvnet", "guided", "gradient"])
def test_every_spelling_of_relu_is_rectified(method):
    images = random_images((2, 6, 6, 3))

    def reconstruct(kind, relu):
        model = network(kind, relu)
        return Deconvnet(model, method=method).project(images, "top", 1, "all")

    by_layer = [reconstruct(*spelling) for spelling in SPELLINGS.values()]
    plain = reconstruct("fused", "linear")
    for found, name in zip(by_layer, SPELLINGS, strict=True):
        # The first of them is held to the second engine in test_deconvnet_engines.py.
        np.testing.assert_allclose(found, by_layer[0], 1e-5, 1e-5, err_msg=name)
        assert not np.allclose(found, plain), name


def test_a_deconvnet_forgets_that_a_relu_was_saturated():
    def build(top):
        keras.utils.set_random_seed(0)
        image = keras.Input((4, 4, 3))
        x = layers.ReLU(max_value=top)(layers.Conv2D(6, 1)(image))
        model = keras.Model(image, layers.Conv2D(1, 1, name="top")(x))
        found = Deconvnet(model).project_units(np.ones((1, 4, 4, 3)), "top", 0, (1, 1))
        return found.reconstructions / found.activations[0]

    np.testing.assert_allclose(np.abs(build(None)), np.abs(build(1e-3)), rtol=1e-5)


def below_a_convolution(layer):
    image = keras.Input((4, 4, 3))
    return keras.Model(image, layers.Conv2D(2, 1)(layer(image)))


@pytest.mark.parametrize(
    "layer, received, expected",
    [
        (layers.LeakyReLU(name="odd"), "LeakyReLU", "has a rule"),
        (layers.Activation("elu", name="odd"), "elu", "has a rule"),
        (layers.Lambda(lambda x: x, name="odd"), "Lambda", "has a rule"),
        (layers.ReLU(negative_slope=0.1, name="odd"), "ReLU", "negative_slope=0"),
        (layers.Softmax(name="odd"), "Softmax", "the last one"),
        (layers.Activation("sigmoid", name="odd"), "sigmoid", "the last one"),
        (layers.Conv2D(3, 1, activation="softmax", name="odd"), "softmax", "last one"),
    ],
)
def test_other_activations_are_refused_by_name(layer, received, expected):
    with pytest.raises(UsageError, match="visualize.register_rule") as error:
        projector_of(below_a_convolution(layer))
    assert (error.value.argument, error.value.received) == ("odd", received)
    assert expected in error.value.expected


def test_a_threshold_of_zero_is_a_relu():
    projector_of(below_a_convolution(layers.ReLU(threshold=0.0)))
