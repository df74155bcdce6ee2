import keras
import numpy as np
import pytest

from tests.helpers.networks import make_classifier
from zfkeras.errors import UsageError
from zfkeras.models.classifier import Classifier
from zfkeras.models.storage import check_answers


def test_half_weights_halve_the_file_and_hardly_change_the_answers(tmp_path):
    classifier = make_classifier(0, ("cat", "dog", "bee"))
    whole, half = tmp_path / "whole.keras", tmp_path / "half.keras"
    classifier.save(whole)
    classifier.save(half, half_weights=True)
    assert half.stat().st_size < 0.55 * whole.stat().st_size
    loaded = Classifier.load(half)
    images = np.random.default_rng(0).integers(0, 256, (4, 70, 80, 3), np.uint8)
    np.testing.assert_allclose(
        loaded.predict(images), classifier.predict(images), atol=1e-3
    )
    assert loaded.class_names == classifier.class_names
    for weight, original in zip(
        loaded.model.weights, classifier.model.weights, strict=True
    ):
        # The nearest half-precision number to each weight, in float32.
        assert weight.dtype == "float32"
        expected = original.numpy().astype(np.float16).astype(np.float32)
        assert np.array_equal(weight.numpy(), expected)


def answering(*last):
    """A model in a model with these last layers."""
    inner = keras.Sequential([keras.Input((4,)), *last])
    return keras.Sequential([keras.Input((4,)), inner])


@pytest.mark.parametrize("activation", [None, "relu", "tanh"])
def test_a_network_that_answers_with_logits_is_refused(activation):
    # Previously predict printed "-353.3 %".
    with pytest.raises(UsageError, match="my.keras: the network must answer with prob"):
        check_answers("my.keras", answering(keras.layers.Dense(2, activation)))


@pytest.mark.parametrize(
    "behind", [keras.layers.Dropout(0.5), keras.layers.Reshape((2,))]
)
def test_logits_behind_layers_that_keep_values_are_refused(behind):
    with pytest.raises(UsageError, match="must answer with prob"):
        check_answers("my.keras", answering(keras.layers.Dense(2), behind))


@pytest.mark.parametrize(
    "last",
    [
        [
            keras.layers.Dense(2, "softmax"),
            keras.layers.Activation("linear", dtype="float32"),
        ],
        [keras.layers.Dense(2, "softmax")],
        [keras.layers.Dense(2, "sigmoid")],
        [keras.layers.Dense(2), keras.layers.Softmax()],
        [keras.layers.Dense(2), keras.layers.Activation("softmax")],
        [keras.layers.Dense(2, lambda x: keras.ops.softmax(x))],
    ],
)
def test_a_network_that_answers_with_probabilities_is_taken(last):
    check_answers("my.keras", answering(*last))
