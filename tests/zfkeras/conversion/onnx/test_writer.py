"""Our networks as ONNX graphs, against onnxruntime, and back again."""

import dataclasses

import keras
import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")

import onnx

from tests.helpers.networks import make_classifier
from tests.helpers.onnx_models import answers
from zfkeras.conversion import preset
from zfkeras.conversion.onnx.reader import read_onnx
from zfkeras.conversion.onnx.writer import write_graph
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.errors import UsageError
from zfkeras.layers import LocalResponseNormalization, MaxPoolWithArgmax
from zfkeras.models.classifier import Classifier

NAMES = ("n02124075 Egyptian cat", "größer, 猫 \U0001f408", "bee", "dog")
STANDARD = {"Sub", "Mul", "Slice", "Conv", "Relu", "MaxPool", "LRN"}
STANDARD |= {"Flatten", "Gemm", "Softmax"}


def squares(size=64, number=3):
    random = np.random.default_rng(3)
    return random.integers(0, 256, (number, size, size, 3), dtype=np.uint8)


def planes(images):
    return images.transpose(0, 3, 1, 2).astype(np.float32)


def sharpened(classifier):
    """The same with larger last weights, so that classes differ."""
    layer = classifier.model.get_layer("predictions")
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel * 30, bias + np.arange(len(bias)) / 9])
    return classifier


def assert_answers(classifier, images):
    model = write_graph(classifier).model
    assert {node.op_type for node in model.graph.node} <= STANDARD
    found = answers(model, planes(images), "probabilities")
    wanted = classifier.predict(images)
    assert wanted.std() > 0.01
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)
    return model


@pytest.mark.parametrize(
    "variant",
    ["zfnet_quarter", "alexnet_quarter_without_6_7", "zfnet_quarter_without_3_4_6_7"],
)
def test_onnxruntime_answers_as_the_classifier_and_it_comes_back(variant, tmp_path):
    classifier = sharpened(make_classifier(1, NAMES, variant))
    model = assert_answers(classifier, squares())
    path = tmp_path / "ours.onnx"
    onnx.save(model, path)
    network, taps = read_onnx(path)
    assert taps.has_preprocessing
    back = preset.make_classifier(network, preset.Settings(), {})
    assert back.class_names == NAMES
    assert back.model.name == variant
    # Our builder makes it: with the bound on filters and with dropout.
    assert back.model.get_layer("conv1").kernel_constraint is not None
    ours, theirs = classifier.preprocessing, back.preprocessing
    np.testing.assert_array_equal(ours.mean_image, theirs.mean_image)
    assert (ours.crop_size, ours.input_scale) == (theirs.crop_size, theirs.input_scale)
    for one, other in zip(
        classifier.model.get_weights(), back.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_the_file_says_what_it_wants_and_what_its_classes_are():
    model = write_graph(make_classifier(1, NAMES)).model
    (images,) = model.graph.input
    dims = [d.dim_param or d.dim_value for d in images.type.tensor_type.shape.dim]
    assert (images.name, dims) == ("images", ["batch", 3, 64, 64])
    assert "scaled to 64 pixels" in model.graph.doc_string
    assert "größer" in model.metadata_props[0].value.encode().decode("unicode-escape")


def chain(*layers, size=20):
    """A classifier of any layers, one behind the other."""
    inputs = x = keras.Input((size, size, 3))
    for layer in layers:
        output = layer(x)
        x = output[0] if isinstance(output, (list, tuple)) else output
    mean = np.full((size + 4, size + 4, 3), 120, np.float32)
    names = tuple(str(i) for i in range(x.shape[-1]))
    model = keras.Model(inputs, x)
    return Classifier(model, Preprocessing(mean, size, 1 / 50), names, {})


def test_odd_paddings_constants_and_groups_are_written():
    keras.utils.set_random_seed(0)
    classifier = chain(
        keras.layers.ZeroPadding2D(((1, 0), (2, 3))),
        keras.layers.Conv2D(8, 4, 2, "same", activation="relu"),
        keras.layers.ZeroPadding2D(((0, 1), (1, 0))),
        MaxPoolWithArgmax((3, 2), (2, 1), "valid"),
        LocalResponseNormalization(1, 1.5, 0.4, 0.6),
        keras.layers.Conv2D(6, 3, groups=2, activation="relu", use_bias=False),
        keras.layers.Flatten(),
        keras.layers.Dense(7, "relu", use_bias=False),
        keras.layers.Dense(5, "softmax"),
    )
    assert_answers(classifier, squares(24))


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (
            [keras.layers.BatchNormalization(name="bn")],
            "bn is a BatchNormalization, which is not exported",
        ),
        (
            [keras.layers.Conv2D(4, 3, activation="gelu", name="c")],
            "c must have one of",
        ),
        (  # previously a TypeError
            [keras.layers.Conv2D(4, 3, activation=keras.layers.ReLU(6.0), name="c")],
            "c must have one of",
        ),
        (  # previously the second one's zeros alone were written
            [keras.layers.ZeroPadding2D(1), keras.layers.ZeroPadding2D(2, name="z")],
            "z is a ZeroPadding2D, which is not exported",
        ),
        (
            [keras.layers.Conv2D(4, 3, dilation_rate=2, name="c")],
            "c must not be dilated",
        ),
        ([keras.layers.DepthwiseConv2D(3, name="d")], "d is a DepthwiseConv2D"),
        (
            [keras.layers.ZeroPadding2D(), MaxPoolWithArgmax(2, name="p")],
            "p must follow a ReLU",
        ),
    ],
)
def test_what_cannot_be_written_is_named(layers, expected):
    flat = [keras.layers.Flatten(), keras.layers.Dense(5, "softmax")]
    with pytest.raises(UsageError, match=expected):
        write_graph(chain(*layers, *flat))


def test_a_network_without_softmax_or_chain_is_refused():
    flat = [keras.layers.Flatten(), keras.layers.Dense(5)]
    with pytest.raises(UsageError, match="must end in a softmax"):
        write_graph(chain(*flat))
    inputs = keras.Input((20, 20, 3))
    one = keras.layers.Conv2D(3, 3, padding="same", name="one")(inputs)
    two = keras.layers.Conv2D(3, 3, padding="same", name="two")(inputs)
    x = keras.layers.Flatten()(keras.layers.Add()([one, two]))
    model = keras.Model(inputs, keras.layers.Dense(5, "softmax")(x))
    mean = Preprocessing(np.zeros((20, 20, 3), np.float32), 20)
    with pytest.raises(UsageError, match="two branches off"):
        write_graph(Classifier(model, mean, tuple("abcde"), {}))


@pytest.mark.parametrize(
    "changes",
    [
        {"channel_order": "bgr"},
        {"input_scale": (1.0, 2.0, 3.0)},
        {"mean_image": np.zeros((64, 72, 3), np.float32)},
    ],
)
def test_inputs_of_another_kind_are_not_exported(changes):
    classifier = make_classifier(1, NAMES)
    preprocessing = dataclasses.replace(classifier.preprocessing, **changes)
    with pytest.raises(UsageError) as caught:
        write_graph(dataclasses.replace(classifier, preprocessing=preprocessing))
    assert "square RGB" in caught.value.expected
