"""Networks, their answers, features, files and training on whichever backend it is."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import zfkeras
from tests.backends.write_files import (
    FILES,
    PHOTOGRAPH,
    QUARTER,
    quarter_answers,
    small_images,
)
from zfkeras.errors import UsageError

BACKEND = keras.backend.backend()


def test_quarter_answers_as_under_tensorflow():
    found = quarter_answers()
    with np.load(QUARTER) as expected:
        assert found.keys() == {"probabilities", "layer5", "layer7"}
        for name, answer in found.items():
            scale = np.abs(expected[name]).max()
            np.testing.assert_allclose(answer, expected[name], atol=1e-5 * scale)


@pytest.mark.parametrize("writer", ["tensorflow", "jax", "torch"])
def test_files_of_every_backend_load_under_every_other(writer):
    model = keras.saving.load_model(FILES / f"{writer}.keras")
    found = model.predict_on_batch(small_images())
    np.testing.assert_allclose(found, np.load(FILES / f"{writer}.npy"), atol=1e-6)


def test_a_small_zfnet_learns_by_keras_own_fit(tmp_path):
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 64)
    # Class 1 has a bright square, class 0 a dark one, somewhere.
    images = generator.normal(0, 20, (64, 56, 56, 3)).astype(np.float32)
    for image, label in zip(images, labels, strict=True):
        y, x = generator.integers(0, 36, 2)
        image[y : y + 20, x : x + 20] += 100 if label else -100
    keras.utils.set_random_seed(0)
    model = zfkeras.ZFNet(
        2, variant="zfnet_quarter", kernel_initializer="glorot_uniform", dropout=0.2
    )
    model.compile(
        keras.optimizers.Adam(1e-4),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    history = model.fit(images, labels, batch_size=16, epochs=5, verbose=0).history
    assert history["loss"][-1] < 0.3 * history["loss"][0]
    assert history["accuracy"][-1] > 0.9
    # The bound on the filters held at every update.
    kernel = keras.ops.convert_to_numpy(model.get_layer("conv2").kernel)
    assert np.sqrt(np.square(kernel).mean(axis=(0, 1, 2))).max() <= 0.1001
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    found, expected = (m.predict_on_batch(images[:4]) for m in (again, model))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_classifier_survives_saving(tmp_path):
    classifier = zfkeras.load("quarter")
    classifier.save(tmp_path / "model.keras", half_weights=True)
    again = zfkeras.load(tmp_path / "model.keras")
    assert again.class_names == classifier.class_names
    found, expected = (
        one.predict(PHOTOGRAPH.read_bytes(), ten_crop=True)
        for one in (again, classifier)
    )
    np.testing.assert_allclose(found, expected, atol=1e-6)  # it ships in halves


def test_a_head_learns_from_features():
    transfer = pytest.importorskip("transfer")
    pytest.importorskip("sklearn")
    generator = np.random.default_rng(0)
    labels = np.arange(12) % 2
    images = [
        generator.integers(0, 128, (64, 64, 3)).astype(np.uint8) + np.uint8(127 * label)
        for label in labels
    ]
    features = transfer.ConvFeatures(layer=7).fit_transform(images)
    assert features.shape == (12, 1024)
    head = transfer.SVMHead(C=1.0).fit(features, labels)
    assert head.score(features, labels) == 1


def test_the_commands_of_a_network_run(capsys):
    from zfkeras import predict, summary

    assert predict.main([str(PHOTOGRAPH), "--top", "1"]) == 0
    with np.load(QUARTER) as expected:
        best = expected["probabilities"].argmax()
    assert zfkeras.load("quarter").class_names[best] in capsys.readouterr().out
    assert summary.main([]) == 0
    assert "62,357,608" in capsys.readouterr().out


def test_what_computes_with_tensorflow_says_so_in_one_line():
    if BACKEND == "tensorflow":
        pytest.skip("it does here")
    import visualize

    for package, name in [(zfkeras, "open_data"), (visualize, "TopActivations")]:
        with pytest.raises(UsageError) as caught:
            getattr(package, name)
        message = str(caught.value)
        assert "tensorflow" in message and BACKEND in message and "\n" not in message


@pytest.mark.skipif(BACKEND != "jax", reason="Keras computes by NumPy with JAX's help")
def test_a_backend_without_gradients_is_refused():
    done = subprocess.run(
        [sys.executable, "-c", "import zfkeras.layers"],
        env={**os.environ, "KERAS_BACKEND": "numpy"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.splitlines()[-1].endswith(
        "KERAS_BACKEND must be tensorflow, jax or torch. Received: numpy."
    )


def test_nothing_has_imported_another_backend():
    zfkeras.load("quarter").predict(PHOTOGRAPH.read_bytes())
    others = {"tensorflow", "jax", "torch"} - {BACKEND}
    if BACKEND == "tensorflow":  # other tests of this process have their reasons
        return
    assert not others & sys.modules.keys()
