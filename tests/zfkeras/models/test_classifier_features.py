"""`Classifier.features`, and what a classifier keeps of it when it is copied."""

import copy
import pickle
import tracemalloc

import joblib
import keras
import numpy as np
import pytest
from sklearn.base import clone

from tests.helpers import other_networks
from tests.helpers.networks import make_classifier
from tests.helpers.splits import noise
from zfkeras.errors import UsageError

SIZES = [(64, 64), (80, 120), (150, 70), (20, 30), (64, 65)]
IMAGES = [noise(i, *size) for i, size in enumerate(SIZES)]
# The layers that the paper's numbers mean, of which pools also output their argmax.
NAMES = {1: "norm1", 2: "norm2", 3: "conv3", 4: "conv4", 5: "pool5", 6: "fc6", 7: "fc7"}


@pytest.fixture(scope="module")
def classifier():
    """A quarter network with all seven layers."""
    return make_classifier(5, ("a", "b"), "zfnet_quarter")


@pytest.fixture(scope="module")
def small():
    """A quarter network without layers 6 and 7."""
    return make_classifier(6, ("a", "b"))


def by_keras(classifier, name, images):
    """A layer's output by a plain Keras model."""
    output = classifier.model.get_layer(name).output
    output = output[0] if isinstance(output, list | tuple) else output
    network = keras.Model(classifier.model.input, output)
    return np.asarray(network(classifier.prepare(images), training=False))


@pytest.mark.parametrize("layer", NAMES)
def test_numbers_and_names_give_what_a_keras_model_gives(classifier, layer):
    found = classifier.features(IMAGES, layer)
    expected = by_keras(classifier, NAMES[layer], IMAGES)
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert np.ptp(found, axis=0).max() > 0.01  # the images differ
    np.testing.assert_array_equal(classifier.features(IMAGES, NAMES[layer]), found)


@pytest.mark.parametrize("layer", [0, 6, 8, -1, "conv9", "", None, 3.0, [5], ("a",)])
def test_what_is_no_layer_is_refused_before_images_are_read(small, layer):
    with pytest.raises(UsageError, match="`?layer`? must be"):
        small.features("nowhere.jpg", layer)


# Other networks


def test_layers_of_nested_models_have_dotted_names():
    nested = other_networks.as_classifier(other_networks.nested(3), 3)
    base = nested.model.get_layer("features")
    maps = nested.prepare(IMAGES)
    for layer in base.layers:
        maps = layer(maps, training=False)
        found = nested.features(IMAGES, f"features.{layer.name}")
        np.testing.assert_allclose(found, maps, rtol=1e-4, atol=1e-6)
    means = nested.features(IMAGES, "features").mean(axis=(1, 2))
    found = nested.features(IMAGES, "gap")
    np.testing.assert_allclose(found, means, rtol=1e-4, atol=1e-6)


# What it costs, and what is kept


def test_a_layer_is_compiled_once_for_all_calls(small):
    traced = []

    class Watched(keras.layers.Layer):
        def call(self, maps):
            traced.append(maps.shape)
            return maps

    image = keras.Input((32, 32, 3))
    maps = Watched(name="watched")(image)
    maps = keras.layers.GlobalAveragePooling2D()(maps)
    model = keras.Model(image, keras.layers.Dense(3, "softmax")(maps))
    watched = other_networks.as_classifier(model, 3)
    watched.features(IMAGES, "watched", batch_size=2)
    before = len(traced)
    for _ in range(3):
        watched.features(IMAGES, "watched", batch_size=2)
    assert len(traced) == before


def test_memory_grows_by_the_result_alone(small):
    def peak(number):
        pictures = (noise(i, 64, 64) for i in range(number))
        tracemalloc.start()
        small.features(pictures, "predictions", batch_size=4)
        _, found = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return found

    peak(4)
    few, many = peak(8), peak(80)
    # Each of the 72 images more would add a crop of 37,632 bytes.
    assert many < few + 5 * 37_632


def test_copies_and_pickles_answer_alike_with_weights_of_their_own(small):
    expected = small.features(IMAGES)
    for twin in (copy.deepcopy(small), pickle.loads(pickle.dumps(small))):
        assert twin.class_names == small.class_names
        assert twin.made == small.made
        np.testing.assert_array_equal(twin.features(IMAGES), expected)
        np.testing.assert_array_equal(twin.predict(IMAGES), small.predict(IMAGES))
        kernel = twin.model.get_layer("conv5").kernel
        kernel.assign(kernel * 2.0)
        assert not np.array_equal(twin.features(IMAGES), expected)
        np.testing.assert_array_equal(small.features(IMAGES), expected)


def test_joblib_knows_equal_networks_by_their_bytes(small):
    before = joblib.hash(small)
    small.features(IMAGES, 2)
    assert joblib.hash(small) == before
    assert joblib.hash(pickle.loads(pickle.dumps(small))) == before
    assert joblib.hash(make_classifier(7, ("a", "b"))) != before
    assert clone(small, safe=False) is small  # scikit-learn does not copy a network
