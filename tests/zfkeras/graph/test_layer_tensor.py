import keras
import numpy as np
import pytest

from tests.helpers.deconvnet_networks import small_zfnet
from zfkeras import UsageError
from zfkeras.graph.layer_calls import layer_calls
from zfkeras.graph.layer_tensor import layer_tensor

SIDE = 12


def base():
    image = keras.Input((SIDE, SIDE, 3), name="pixels")
    x = keras.layers.Conv2D(4, 3, name="conv")(image)
    x = keras.layers.ReLU(name="relu")(x)
    return keras.Model(image, x, name="base")


def around(inner, *before):
    image = keras.Input((SIDE, SIDE, 3), name="images")
    x = image
    for layer in before:
        x = layer(x)
    x = keras.layers.GlobalAveragePooling2D(name="mean")(inner(x))
    return keras.Model(image, keras.layers.Dense(2, name="classes")(x), name="outer")


def answers(model, name, images):
    """What `layer_tensor` gives for images, by a model made of it."""
    found, tensor = layer_tensor(model, name)
    assert found == name
    return np.asarray(keras.Model(model.inputs[0], tensor)(images))


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(2, SIDE, SIDE, 3)).astype("f")


def test_a_nested_model_is_seen_on_what_it_reads(images):
    # previously the nested model's own output, which is none of the outer model's
    inner = base()
    model = around(inner, keras.layers.Rescaling(2.0, name="twice"))
    expected = np.asarray(inner(2 * images))
    np.testing.assert_allclose(answers(model, "base", images), expected, rtol=1e-6)
    np.testing.assert_allclose(answers(model, "base.relu", images), expected, rtol=1e-6)
    mean = expected.mean(axis=(1, 2))
    np.testing.assert_allclose(answers(model, "mean", images), mean, rtol=1e-5)


def test_models_in_models_and_their_inputs(images):
    inner = base()
    middle = keras.Sequential(
        [keras.Input((SIDE, SIDE, 3)), keras.layers.Rescaling(3.0), inner],
        name="middle",
    )
    model = around(middle, keras.layers.Rescaling(2.0, name="twice"))
    expected = np.asarray(inner(6 * images))
    for name in ("middle", "middle.base", "middle.base.relu"):
        np.testing.assert_allclose(answers(model, name, images), expected, rtol=1e-5)
    pixels = answers(model, "middle.base.pixels", images)
    np.testing.assert_allclose(pixels, 6 * images, rtol=1e-6)


def test_a_layer_counts_that_other_models_call_too(images):
    # previously Keras could not tell which of its outputs was meant
    inner = base()
    image = keras.Input((SIDE, SIDE, 3))
    x = inner.get_layer("conv")(image * 2.0)
    model = keras.Model(image, keras.layers.Flatten(name="flat")(x))
    expected = np.asarray(inner.get_layer("conv")(2 * images))
    np.testing.assert_allclose(answers(model, "conv", images), expected, rtol=1e-5)


def test_calls_stand_in_the_order_they_run():
    model = around(base(), keras.layers.Dropout(0.1, name="drop"))
    order = "images drop base.pixels base.conv base.relu base mean classes"
    assert [call.path for call in layer_calls(model)] == order.split()
    paths = [call.path for call in layer_calls(small_zfnet())]
    assert paths[1:4] == ["conv1", "pool1", "norm1"]


def test_what_is_no_layer_or_several_is_named():
    model = around(base())
    with pytest.raises(UsageError, match=r"such as base.conv.*layer='conv'"):
        layer_tensor(model, "conv")
    image, inner = keras.Input((SIDE, SIDE, 3)), base()
    model = keras.Model(image, inner(image) + inner(image * 2.0))
    for name in ("base", "base.conv"):
        with pytest.raises(UsageError, match="called at 2"):
            layer_tensor(model, name)
    with pytest.raises(UsageError, match="`model` must be a built functional"):
        layer_tensor(keras.Sequential([keras.layers.Dense(2)]), "dense")
    shape = keras.layers.Reshape((SIDE * SIDE, 3), name="list")
    model = keras.Model(image, shape(image))
    with pytest.raises(UsageError, match=r"must give \(batch.*layer='list'"):
        layer_tensor(model, "list")


@pytest.mark.parametrize("layer", [None, 3.0, ("conv3",)])
def test_what_is_neither_number_nor_name_is_refused(layer):
    with pytest.raises(UsageError, match="`layer` must be the paper's number, 1 to 7"):
        layer_tensor(small_zfnet(), layer)


def test_numbers_need_the_papers_network():
    # previously a list of the names that ZFNet's layers have
    with pytest.raises(UsageError, match=r"such as .*classes\. Received: layer=5"):
        layer_tensor(around(base()), 5)
