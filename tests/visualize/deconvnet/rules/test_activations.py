import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers.projections import random_images
from tests.helpers.rules import assert_exact, projector_of
from visualize import Deconvnet
from zfkeras import UsageError

FUSED = [
    "relu",
    keras.activations.relu,
    keras.ops.relu,
    tf.nn.relu,
    keras.layers.ReLU(),
]
SPELLINGS = {
    **{f"fused {function}": ("fused", function) for function in FUSED},
    "Activation": ("layer", lambda x: keras.layers.Activation("relu")(x)),
    "ReLU": ("layer", lambda x: keras.layers.ReLU()(x)),
    "ops.relu": ("layer", keras.ops.relu),
    "activations.relu": ("layer", keras.activations.relu),
    "ops.maximum": ("layer", lambda x: keras.ops.maximum(x, 0.0)),
    "ops.maximum, the other way round": ("layer", lambda x: keras.ops.maximum(0, x)),
}


def network(kind, relu):
    """Signals of both signs meet a ReLU that is on at some places, off at others."""
    keras.utils.set_random_seed(0)
    image = keras.Input((9, 9, 3))
    if kind == "fused":
        x = keras.layers.Conv2D(6, 3, activation=relu)(image)
    else:
        x = relu(keras.layers.Conv2D(6, 3)(image))
    return keras.Model(image, keras.layers.Conv2D(2, 3, name="top")(x))


@pytest.mark.parametrize("method", ["deconvnet", "guided", "gradient"])
def test_every_spelling_of_relu_is_rectified(method):
    images = random_images((2, 9, 9, 3))

    def reconstruct(kind, relu):
        model = network(kind, relu)
        return Deconvnet(model, method=method).project(images, "top", 1, "all")

    by_layer = [reconstruct(*spelling) for spelling in SPELLINGS.values()]
    plain = reconstruct("fused", "linear")
    for found, name in zip(by_layer, SPELLINGS, strict=True):
        # The first of them is held to the second engine in test_deconvnet.py.
        np.testing.assert_allclose(found, by_layer[0], 1e-5, 1e-5, err_msg=name)
        assert not np.allclose(found, plain), name


@pytest.mark.parametrize(
    "relu",
    [
        lambda x: keras.layers.ReLU(max_value=0.5)(x),
        lambda x: keras.layers.ReLU(threshold=0.3)(x),
        lambda x: keras.activations.relu(x, max_value=0.5),
        lambda x: keras.ops.relu6(x * 9.0),
        lambda x: keras.layers.Conv2D(4, 1, activation="relu6")(x * 9.0),
        lambda x: keras.layers.Identity()(x),
    ],
)
def test_cut_relus_have_their_gradient(relu):
    assert_exact(lambda image: keras.layers.Conv2D(3, 3)(relu(image)))


def test_a_deconvnet_forgets_that_a_relu_was_saturated():
    def build(top):
        keras.utils.set_random_seed(0)
        image = keras.Input((4, 4, 3))
        x = keras.layers.ReLU(max_value=top)(keras.layers.Conv2D(6, 1)(image))
        model = keras.Model(image, keras.layers.Conv2D(1, 1, name="top")(x))
        found = Deconvnet(model).project_units(np.ones((1, 4, 4, 3)), "top", 0, (1, 1))
        return found.reconstructions / found.activations[0]

    np.testing.assert_allclose(np.abs(build(None)), np.abs(build(1e-3)), rtol=1e-5)


@pytest.mark.parametrize(
    "activation, message",
    [
        (keras.layers.LeakyReLU, "layer 'odd' of class LeakyReLU"),
        (lambda name: keras.layers.Activation("elu", name=name), "'odd' of class elu"),
        (
            lambda name: keras.layers.ReLU(negative_slope=0.1, name=name),
            "'odd' must have negative_slope=0",
        ),
        (
            lambda name: keras.layers.ReLU(threshold=0.0, name=name),
            None,
        ),
        (lambda name: keras.layers.Softmax(name=name), "'odd' must be the last one"),
        (
            lambda name: keras.layers.Activation("sigmoid", name=name),
            "'odd' must be the last one",
        ),
        (
            lambda name: keras.layers.Conv2D(3, 1, activation="softmax", name=name),
            "'odd' must be the last one",
        ),
        (
            lambda name: keras.layers.Lambda(lambda x: x, name=name),
            r"layer 'odd' of class Lambda",
        ),
    ],
)
def test_other_activations_are_refused_by_name(activation, message):
    image = keras.Input((4, 4, 3))
    model = keras.Model(image, keras.layers.Conv2D(2, 1)(activation(name="odd")(image)))
    if message is None:
        projector_of(model)
        return
    with pytest.raises(UsageError, match=message) as error:
        projector_of(model)
    assert "visualize.register_rule" in str(error.value)
