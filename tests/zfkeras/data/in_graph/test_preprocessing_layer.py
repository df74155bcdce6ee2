"""The preprocessing as a Keras layer against the one in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers.splits import noise
from zfkeras.data.preprocessing import Preprocessing

MEAN = np.random.default_rng(5).uniform(90, 150, (12, 16, 3)).astype(np.float32)
CAFFE = Preprocessing(
    (103.939, 116.779, 123.68), (12, 16), (0.5, 1.0, 2.0), channel_order="bgr"
)
SQUARES = np.stack([noise(seed, 12, 16) for seed in range(3)])


@pytest.mark.parametrize(
    "preprocessing",
    [
        Preprocessing(MEAN, (8, 10)),
        Preprocessing(MEAN[:, :12], 8, 1 / 64),
        CAFFE,
        Preprocessing((0, 0, 0), (12, 16)),
    ],
)
def test_images_of_the_mean_images_size_are_equal_to_the_bit(preprocessing):
    squares = SQUARES[:, :, : preprocessing.image_shape[1]]
    expected = np.stack([preprocessing.centre_crop(square) for square in squares])
    result = preprocessing.as_layer()(squares)
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("preprocessing", [CAFFE, Preprocessing((0, 0, 0), 16)])
def test_others_are_resized_as_pillow_does_but_not_rounded(preprocessing):
    image = noise(4, 40, 60)
    expected = preprocessing.centre_crop(preprocessing.square(image))
    result = np.asarray(preprocessing.as_layer()(image[None]))[0]
    limit = 1.01 * np.max(preprocessing.input_scale)
    # Pillow's filter reaches beyond the columns that are cut off, Keras's does not.
    difference = np.abs(result - expected)
    assert difference[:, 1:-1].max() < limit
    assert difference.max() > 0


def test_grey_is_that_of_the_same_weights():
    grey = Preprocessing((100.0,), 12, 0.5)
    square = SQUARES[0][:, :12]
    result = np.asarray(grey.as_layer()(square[None]))[0]
    assert result.shape == (12, 12, 1)
    assert np.abs(result - grey.centre_crop(square)).max() < 0.26  # half a level


def test_it_is_saved_with_a_network_and_runs_in_tf_data(tmp_path):
    layer = Preprocessing(MEAN[:, :12], (8, 10), 1 / 64).as_layer()
    path = tmp_path / "whole.keras"
    keras.Sequential([layer, keras.layers.Flatten()]).save(path)
    loaded = keras.saving.load_model(path)
    squares = SQUARES[:, :, :12]
    expected = np.reshape(layer(squares), (3, -1))
    np.testing.assert_array_equal(loaded(squares), expected)
    dataset = tf.data.Dataset.from_tensor_slices(squares).batch(3).map(layer)
    np.testing.assert_array_equal(np.reshape(next(iter(dataset)), (3, -1)), expected)
