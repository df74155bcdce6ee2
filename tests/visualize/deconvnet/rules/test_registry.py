import copy

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers.rules import projector_of
from visualize import Deconvnet, Rule, register_rule
from visualize.deconvnet.rules import find_rule, registry
from visualize.deconvnet.rules.convolutions import Conv2D
from zfkeras import UsageError


@pytest.fixture(autouse=True)
def own_rules(monkeypatch):
    monkeypatch.setattr(registry, "_RULES", copy.deepcopy(registry._RULES))


class Doubled(keras.layers.Layer):
    def call(self, x):
        return 2 * x


def model_of(*layers, shape=(4, 4, 3)):
    return keras.Sequential([keras.Input(shape), *layers])


def test_an_own_rule_serves_an_own_layer():
    model = model_of(Doubled(name="doubled"))
    with pytest.raises(
        UsageError, match=r"'doubled' of class Doubled.*|register_rule.*'doubled'"
    ):
        Deconvnet(model).project(np.ones((1, 4, 4, 3)), "doubled")

    @register_rule(Doubled)
    class Twice(Rule):
        def backward(self, call, signal, memory):
            return signal * 2

    found = Deconvnet(model).project(np.ones((1, 4, 4, 3)), "doubled", 1, "all")
    assert found[0, :, :, 1].tolist() == [[4.0] * 4] * 4
    assert not found[..., 0].any()


def test_a_rule_serves_an_activation_function():
    def square(x):
        return x * x

    @register_rule(square)
    class Square(Rule):
        def forward(self, call, x):
            return call.run(x), x

        def backward(self, call, signal, x):
            return 2 * x * signal

    model = model_of(keras.layers.Activation(square, name="square"))
    images = np.full((1, 4, 4, 3), 3.0)
    found = Deconvnet(model).project(images, "square", 0, (1, 2))
    assert found[0, 1, 2].tolist() == [2 * 3 * 9, 0, 0]


def test_subclasses_that_compute_the_same_share_the_rule():
    class Named(keras.layers.Conv2D):
        def __init__(self, **kwargs):
            super().__init__(2, 3, **kwargs)

        def get_config(self):
            return {}

    class Standardised(keras.layers.Conv2D):
        def convolution_op(self, inputs, kernel):
            return super().convolution_op(inputs, kernel * 2)

    assert isinstance(find_rule(Named()), Conv2D)
    assert find_rule(Standardised(2, 3)) is None


def test_operations_are_called_by_name():
    image = keras.Input((4, 4, 3))
    model = keras.Model(image, keras.ops.tanh(image))
    with pytest.raises(UsageError, match=r"of class keras\.ops\.Tanh"):
        projector_of(model)

    @register_rule("keras.ops.Tanh")
    class Tanh(Rule):
        pass

    projector_of(model)


@pytest.mark.parametrize(
    "layer, call, message",
    [
        (lambda: keras.layers.Dropout(0.5), {"training": True}, "training=True"),
        (
            lambda: keras.layers.Conv2D(2, 3, data_format="channels_first"),
            {},
            "channels last",
        ),
        (
            lambda: keras.layers.UpSampling2D(2, interpolation="bicubic"),
            {},
            "'nearest' or 'bilinear'",
        ),
    ],
)
def test_what_a_rule_cannot_do_exactly_is_refused(layer, call, message):
    image = keras.Input((4, 4, 3))
    with pytest.raises(UsageError, match=message):
        projector_of(keras.Model(image, layer()(image, **call)))


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
    layer = getattr(keras.layers, kind)(*AUGMENTATIONS[kind])
    model = model_of(layer, shape=(6, 6, 3))
    images = np.random.default_rng(0).uniform(size=(3, 6, 6, 3)).astype("f")
    ascent = projector_of(model).up(tf.constant(images))
    np.testing.assert_array_equal(ascent.maps, images)


def test_quantised_layers_are_refused():
    model = model_of(keras.layers.Dense(4))
    model.layers[0].quantize("int8")
    with pytest.raises(UsageError, match="not be quantised"):
        projector_of(model)


def test_wrong_registrations_are_named():
    with pytest.raises(UsageError, match="`kinds` must be layer classes"):
        register_rule()
    with pytest.raises(UsageError, match="`kinds` must be layer classes"):
        register_rule(3)
    with pytest.raises(UsageError, match=r"subclass of visualize\.Rule"):
        register_rule(Doubled)(lambda call: call)
