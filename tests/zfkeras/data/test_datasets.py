"""Data sets as Keras's own `fit` takes them."""

import keras
import numpy as np
import pytest
from PIL import Image

import zfkeras
from tests.helpers.splits import noise, png
from zfkeras.errors import UsageError


def test_keras_fits_a_network_to_a_data_set():
    data = zfkeras.open_data("shapes", split="train", size=16)
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(len(data.class_names), "softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(data.take(2), shuffle=False, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_images_are_squares_of_0_to_255_in_the_splits_own_order(tmp_path):
    for label, name in enumerate(("a", "b")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(png(noise(label, 20, 30)))
    (tmp_path / "b" / "2.png").write_bytes(b"no image")
    data = zfkeras.open_data(f"folder:{tmp_path}", size=(8, 12), seed=None)
    ((images, labels),) = data.as_numpy_iterator()  # the bad one is left out
    assert len(data) == 1
    assert data.class_names == ("a", "b")
    assert labels.tolist() == [0, 1]
    expected = Image.fromarray(noise(1, 20, 30)).resize(
        (12, 8), Image.Resampling.BILINEAR
    )
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images[1], np.asarray(expected))


def test_each_epoch_has_another_order_and_the_seed_fixes_both():
    def epochs(seed):
        data = zfkeras.open_data("shapes", "validation", size=8, seed=seed)
        both = []
        for _ in range(2):
            labels = [labels for _, labels in data.as_numpy_iterator()]
            both.append(np.concatenate(labels).tolist())
        return both

    first, second = epochs(1)
    assert first != second and sorted(first) == sorted(second)
    assert epochs(1) == [first, second]
    assert epochs(2)[0] != first


def test_a_preprocessing_prepares_the_images():
    preprocessing = zfkeras.Preprocessing((127.5,) * 3, 16, 1 / 127.5)
    data = zfkeras.open_data("shapes", "validation", preprocessing=preprocessing)
    images, _ = next(data.as_numpy_iterator())
    assert images.shape == (32, 16, 16, 3)
    assert -1 <= images.min() < 0 < images.max() <= 1


def test_a_split_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match="split"):
        zfkeras.open_data("shapes", "trainee")
