import keras
import numpy as np
import pytest

from tests.helpers.rules import assert_exact
from zfkeras.layers import LocalResponseNormalization


@pytest.mark.parametrize("scale", [True, False])
def test_batch_normalization(scale):
    def build(image):
        maps = keras.layers.Conv2D(5, 3)(image)
        return keras.layers.BatchNormalization(scale=scale)(maps)

    assert_exact(build, windowed=True)


def test_batch_normalization_along_another_axis():
    assert_exact(
        lambda image: keras.layers.BatchNormalization(axis=1)(image), windowed=False
    )


@pytest.mark.parametrize("beta, radius", [(0.75, 2), (1.0, 1), (0.5, 0)])
def test_contrast_normalisation_has_its_true_gradient(beta, radius):
    def build(image):
        maps = keras.layers.MaxPooling2D(3, 2, "same")(image)
        return LocalResponseNormalization(radius, 1.5, 0.3, beta)(maps)

    assert_exact(build, windowed=True)


def test_rescaling_and_normalization():
    def build(image):
        x = keras.layers.Rescaling(1 / 127.5, offset=-1)(image)
        x = keras.layers.Rescaling([1.0, 2.0, 3.0])(x)
        x = keras.layers.Normalization(mean=[1, 2, 3], variance=[4, 9, 0.25])(x)
        x = keras.layers.Conv2D(3, 3)(x)
        return keras.layers.Normalization(mean=1, variance=np.float32(4), invert=True)(
            x
        )

    assert_exact(build, shape=(8, 9, 3))


def test_dense_layers_on_maps_and_dropout():
    def build(image):
        x = keras.layers.Dense(6, "relu")(keras.layers.Dropout(0.5)(image))
        return keras.layers.Dense(3, use_bias=False)(
            keras.layers.SpatialDropout2D(0.5)(x)
        )

    assert_exact(build)
