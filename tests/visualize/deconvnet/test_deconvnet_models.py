import keras
import numpy as np
import pytest

from tests.helpers.deconvnet_networks import (
    chain,
    small_zfnet,
)
from tests.helpers.projections import (
    assert_close,
    assert_engines_agree,
    random_images,
)
from visualize import Deconvnet
from zfkeras import UsageError


@pytest.fixture(scope="module")
def deconvnet():
    return Deconvnet(small_zfnet())


def test_model_and_images_stay_as_they_were():
    model, images = small_zfnet(), random_images((2, 31, 37, 3))
    weights, before = model.get_weights(), images.copy()
    answers = np.asarray(model(images))
    nodes = [len(layer._inbound_nodes) for layer in model.layers]
    Deconvnet(model).project(images, "predictions", 1)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(np.asarray(model(images)), answers)
    for now, then in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(now, then)
    assert [len(layer._inbound_nodes) for layer in model.layers] == nodes


def test_new_weights_count_from_the_next_call():
    model, images = small_zfnet(), random_images((1, 31, 37, 3))
    deconvnet = Deconvnet(model)
    before = deconvnet.project(images, "conv1", 0, (1, 1))
    model.get_layer("conv1").kernel.assign(model.get_layer("conv1").kernel * 2)
    bias = model.get_layer("conv1").bias
    bias.assign(bias * 2)
    np.testing.assert_allclose(
        deconvnet.project(images, "conv1", 0, (1, 1)), before * 4, rtol=1e-5
    )


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_models(policy):
    images = random_images((2, 31, 37, 3))
    wide = small_zfnet()
    keras.config.set_dtype_policy(policy)
    half = small_zfnet()
    half.set_weights(wide.get_weights())
    expected = Deconvnet(wide).project_units(images, "conv2")
    found = Deconvnet(half).project(
        images, "conv2", expected.channels, expected.positions
    )
    assert found.dtype == np.float32
    # bfloat16 has 8 bits, and a switch may fall on another near maximum.
    likeness = np.corrcoef(found.ravel(), expected.reconstructions.ravel())[0, 1]
    assert likeness > 0.98
    assert Deconvnet(half).project(images, "predictions", 1).any()


def test_images_of_any_size():
    fixed = chain(
        keras.layers.Conv2D(4, 3, 2, "same", activation="relu", name="a"),
        keras.layers.MaxPooling2D(3, 2, "same"),
        keras.layers.Conv2D(4, 3, name="b"),
        shape=(19, 27, 3),
    )
    free = keras.Sequential([keras.Input((None, None, 3)), *fixed.layers])
    images = random_images((2, 19, 27, 3))
    for position in (None, (1, 2), "all"):
        expected = Deconvnet(fixed).project(images, "b", 1, position)
        found = Deconvnet(free).project(images, "b", 1, position)
        assert_close(found, expected, 1e-5)


def test_layers_above_the_projected_one_need_no_rule():
    model = chain(
        keras.layers.Conv2D(4, 3, activation="relu", name="low"),
        keras.layers.Conv2D(4, 3, activation="tanh", name="high"),
    )
    images, deconvnet = random_images((1, 12, 12, 3)), Deconvnet(model)
    assert deconvnet.project(images, "low", 0).any()
    with pytest.raises(UsageError, match=r"layer 'high' of class tanh"):
        deconvnet.project(images, "high", 0)


@pytest.mark.parametrize(
    "asked, message",
    [
        ({"layer": "conv9"}, r"`layer` must be a layer.*such as conv.*'conv9'"),
        ({"layer": 3}, r"`layer` must be one of \[1, 2, 6\].*layer=3"),
        ({"channel": 12}, r"`channel` must be from 0 to 11.*channel=12"),
        ({"channel": [[1]]}, r"`channel` must be one number or an array"),
        ({"position": (0, 99)}, r"must lie in the layer's maps of 7x9.*\(0, 99\)"),
        ({"position": "max"}, r"`position` must be \(y, x\), an array.*'max'"),
        ({"layer": "fc6", "position": (0, 0)}, r"units without a place"),
        ({"channel": [1, 2, 3]}, r"one length.*'channel': 3.*'images': 2"),
        ({"image": [2]}, r"`image` must be from 0 to 1: there are 2"),
        ({"batch_size": 0}, r"`batch_size` must be a whole number from 1"),
        ({"images": np.zeros((2, 31, 36, 3))}, r"`images` must be .*\(2, 31, 36, 3\)"),
    ],
)
def test_wrong_requests_are_named(deconvnet, asked, message):
    asked = {"images": np.zeros((2, 31, 37, 3)), "layer": "conv2", **asked}
    with pytest.raises(UsageError, match=message):
        deconvnet.project(**asked)


def test_wrong_methods_are_named():
    with pytest.raises(UsageError, match=r"`method` must be one of.*'saliency'"):
        Deconvnet(small_zfnet(), method="saliency")
    with pytest.raises(UsageError, match=r"`lrn` must be one of.*'none'"):
        Deconvnet(small_zfnet(), lrn="none")


def test_wrong_models_are_named():
    class Written(keras.Model):
        def call(self, x):
            return x

    a, b = keras.Input((4, 4, 3)), keras.Input((4, 4, 3))
    two = keras.Model([a, b], keras.layers.Add()([a, b]))
    for model, message in (
        (Written(), "functional or sequential Keras model.*Written"),
        (keras.Sequential([keras.layers.Dense(3)]), "built functional or sequential"),
        (two, "one image"),
        (keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]), "one image"),
    ):
        with pytest.raises(UsageError, match=message):
            Deconvnet(model)


def test_a_layer_called_twice_is_no_single_target():
    image = keras.Input((8, 8, 3))
    shared = keras.layers.Conv2D(3, 3, activation="relu", name="shared")
    top = keras.layers.Conv2D(3, 1, name="top")
    model = keras.Model(image, top(shared(shared(image))))
    images = random_images((2, 8, 8, 3))
    with pytest.raises(UsageError, match="called at 2"):
        Deconvnet(model).project(images, "shared")
    assert_engines_agree(model, images, "top", channel=[0, 1])
