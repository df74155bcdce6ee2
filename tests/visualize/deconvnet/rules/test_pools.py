import keras
import pytest

from tests.helpers.rules import assert_exact
from zfkeras import MaxPoolWithArgmax

WINDOWS = [(2, 2), (3, 2), (3, 1), ((2, 3), (1, 2)), (2, 3)]


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("pool, stride", WINDOWS)
@pytest.mark.parametrize("kind", [keras.layers.MaxPooling2D, MaxPoolWithArgmax])
def test_max_pools(kind, pool, stride, padding):
    def build(image):
        pooled = kind(pool, stride, padding)(image)
        pooled = pooled if kind is keras.layers.MaxPooling2D else pooled[0]
        return keras.layers.Conv2D(3, 1)(pooled)

    assert_exact(build, windowed=True)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("pool, stride", WINDOWS)
def test_average_pools(pool, stride, padding):
    def build(image):
        return keras.layers.AveragePooling2D(pool, stride, padding)(image)

    assert_exact(build, windowed=padding == "valid")


@pytest.mark.parametrize("keepdims", [True, False])
@pytest.mark.parametrize(
    "kind", [keras.layers.GlobalAveragePooling2D, keras.layers.GlobalMaxPooling2D]
)
def test_global_pools(kind, keepdims):
    assert_exact(lambda image: kind(keepdims=keepdims)(image), windowed=False)
