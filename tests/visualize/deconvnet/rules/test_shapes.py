import keras
import pytest

from tests.helpers.rules import assert_exact


@pytest.mark.parametrize("padding", [1, (2, 1), ((0, 3), (1, 0))])
def test_padding_and_cropping(padding):
    def padded(image):
        wide = keras.layers.ZeroPadding2D(padding)(image)
        return keras.layers.Conv2D(3, 3, 2)(keras.layers.BatchNormalization()(wide))

    def cropped(image):
        narrow = keras.layers.Cropping2D(padding)(image)
        return keras.layers.Conv2D(3, 3, padding="same")(narrow)

    assert_exact(padded, windowed=True)
    assert_exact(cropped, windowed=True)


def test_flatten_and_reshape():
    def build(image):
        flat = keras.layers.Dense(24)(keras.layers.Flatten()(image))
        maps = keras.layers.Reshape((2, 3, 4))(flat)
        maps = keras.layers.Permute((3, 1, 2))(maps)
        return keras.ops.reshape(maps, (-1, 24))

    assert_exact(build, windowed=False)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("size", [2, (1, 3)])
def test_upsampling(size, interpolation):
    def build(image):
        return keras.layers.UpSampling2D(size, interpolation=interpolation)(image)

    assert_exact(build)
