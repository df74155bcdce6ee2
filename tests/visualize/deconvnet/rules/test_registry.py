import copy

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.helpers.rules import assert_exact, projector_of
from visualize import Deconvnet, Rule, register_rule
from visualize.deconvnet.rules import find_rule, registry
from visualize.deconvnet.rules.convolutions import Conv2D
from zfkeras import UsageError
from zfkeras.graph.layer_graph import LayerGraph
from zfkeras.layers.switches import Axis


@pytest.fixture(autouse=True)
def own_rules(monkeypatch):
    monkeypatch.setattr(registry, "_RULES", copy.deepcopy(registry._RULES))


class Doubled(layers.Layer):
    def call(self, x):
        return 2 * x


def model_of(layer, shape=(4, 4, 3)):
    return keras.Sequential([keras.Input(shape), layer])


def model_of_images(function):
    image = keras.Input((4, 4, 3))
    return keras.Model(image, function(image))


def refusal(model):
    with pytest.raises(UsageError) as error:
        projector_of(model)
    return error.value


def test_an_own_rule_serves_an_own_layer():
    model = model_of(Doubled(name="doubled"))
    error = refusal(model)
    assert (error.argument, error.received) == ("doubled", "Doubled")

    @register_rule(Doubled)
    class Twice(Rule):
        def backward(self, call, signal, memory):
            return signal * 2

    found = Deconvnet(model).project(np.ones((1, 4, 4, 3)), "doubled", 1, "all")
    assert found[0, :, :, 1].tolist() == [[4.0] * 4] * 4
    assert not found[..., 0].any()


def test_an_own_rule_with_windows_of_its_own():
    # As docs/methods/deconvnet.md shows it.
    class Blur(layers.Layer):
        def call(self, x):
            return tf.nn.avg_pool2d(x, 3, 1, "VALID")

    @register_rule(Blur, windows=lambda layer: (Axis(3, 1, "valid"),) * 2)
    class Unblur(Rule):
        def backward(self, call, signal, memory):
            wide = tf.pad(signal, [[0, 0], [2, 2], [2, 2], [0, 0]])
            return tf.nn.avg_pool2d(wide, 3, 1, "VALID")

    assert_exact(Blur(), windowed=True)
    assert LayerGraph(model_of(Blur(name="blur"))).field("blur").size == (3, 3)


def test_a_rule_serves_an_activation_function():
    def square(x):
        return x * x

    @register_rule(square)
    class Square(Rule):
        def forward(self, call, x):
            return call.run(x), x

        def backward(self, call, signal, x):
            return 2 * x * signal

    model = model_of(layers.Activation(square, name="square"))
    images = np.full((1, 4, 4, 3), 3.0)
    found = Deconvnet(model).project(images, "square", 0, (1, 2))
    assert found[0, 1, 2].tolist() == [2 * 3 * 9, 0, 0]


def test_subclasses_that_compute_the_same_share_the_rule():
    class Named(layers.Conv2D):
        def __init__(self, **kwargs):
            super().__init__(2, 3, **kwargs)

        def get_config(self):
            return {}

    class Standardised(layers.Conv2D):
        def convolution_op(self, inputs, kernel):
            return super().convolution_op(inputs, kernel * 2)

    assert isinstance(find_rule(Named()), Conv2D)
    assert find_rule(Standardised(2, 3)) is None


def test_operations_are_called_by_name():
    image = keras.Input((4, 4, 3))
    model = keras.Model(image, keras.ops.tanh(image))
    assert refusal(model).received == "keras.ops.Tanh"

    @register_rule("keras.ops.Tanh")
    class Tanh(Rule):
        pass

    projector_of(model)


def quantised():
    model = model_of(layers.Dense(4))
    model.layers[0].quantize("int8")
    return model


def in_training():
    image = keras.Input((4, 4, 3))
    return keras.Model(image, layers.Dropout(0.5)(image, training=True))


@pytest.mark.parametrize(
    "make, expected",
    [
        (quantised, "not be quantised"),
        (in_training, "training=True"),
        (
            lambda: model_of(layers.Conv2D(2, 3, data_format="channels_first")),
            "channels last",
        ),
        (
            lambda: model_of(layers.Resizing(2, 3, interpolation="area")),
            "another interpolation than 'area'",
        ),
        (
            lambda: model_of(layers.Lambda(lambda x: x)),
            "class that has a rule",
        ),
        (
            lambda: model_of_images(lambda images: images[:1, ...]),
            "take all images",
        ),
        (
            lambda: model_of_images(lambda images: keras.ops.transpose(images)),
            "leave the axis of the images",
        ),
    ],
)
def test_what_a_rule_cannot_do_exactly_is_refused(make, expected):
    assert expected in refusal(make()).expected


AUGMENTATIONS = {  # all of Keras's but RandomCrop, which cuts in inference, too
    "RandomBrightness": [0.5],
    "RandomColorDegeneration": [0.5],
    "RandomColorJitter": [],
    "RandomContrast": [0.5],
    "RandomElasticTransform": [],
    "RandomErasing": [],
    "RandomFlip": [],
    "RandomGaussianBlur": [],
    "RandomGrayscale": [],
    "RandomHue": [0.5],
    "RandomInvert": [],
    "RandomPerspective": [],
    "RandomPosterization": [4],
    "RandomRotation": [0.5],
    "RandomSaturation": [0.5],
    "RandomSharpness": [0.5],
    "RandomShear": [],
    "RandomTranslation": [0.5, 0.5],
    "RandomZoom": [0.5],
}


@pytest.mark.parametrize("kind", AUGMENTATIONS)
def test_augmentation_inside_a_network_is_silent(kind):
    # previously refused, for training=True, which is these layers' default
    layer = getattr(layers, kind)(*AUGMENTATIONS[kind])
    images = np.random.default_rng(0).uniform(size=(3, 6, 6, 3)).astype("f")
    ascent = projector_of(model_of(layer, (6, 6, 3))).up(tf.constant(images))
    np.testing.assert_array_equal(ascent.maps, images)


@pytest.mark.parametrize("kinds", [(), (3,)])
def test_wrong_kinds_are_named(kinds):
    with pytest.raises(UsageError) as error:
        register_rule(*kinds)
    assert error.value.argument == "kinds"


def test_what_is_no_rule_is_named():
    with pytest.raises(UsageError) as error:
        register_rule(Doubled)(lambda call: call)
    assert "lambda" in error.value.received
