import keras
import numpy as np

from tests.helpers.networks import make_classifier
from zfkeras.models.classifier import Classifier


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


def test_stock_keras_opens_half_weights(tmp_path):
    classifier = make_classifier(0, ("cat", "dog"))
    path = tmp_path / "half.keras"
    classifier.save(path, half_weights=True)
    model = keras.saving.load_model(path)
    assert model.count_params() == classifier.model.count_params()
