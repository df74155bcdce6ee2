import keras
import numpy as np
import pytest

from tests.helpers import reference
from zfkeras import ZFNet
from zfkeras.errors import UsageError
from zfkeras.layers.max_rms import MaxRMS


def kernels(scale, shape=(5, 3, 4, 8)):
    generator = np.random.default_rng(0)
    return (scale * generator.standard_normal(shape)).astype("float32")


@pytest.mark.parametrize("scale", [0.2, 1e15])
def test_large_filters_end_at_the_bound(scale):
    scaled = np.array(MaxRMS()(kernels(scale)))
    np.testing.assert_allclose(reference.filter_rms(scaled), 0.1, rtol=0, atol=1e-6)
    # and keep their direction
    factor = scaled / kernels(scale)
    spread = factor.max(axis=(0, 1, 2)) / factor.min(axis=(0, 1, 2))
    np.testing.assert_allclose(spread, 1, rtol=1e-5)


@pytest.mark.parametrize("scale", [0.08, 1e-20])
def test_small_filters_are_untouched(scale):
    w = kernels(scale)
    assert reference.filter_rms(w).max() < 0.1
    np.testing.assert_array_equal(MaxRMS()(w), w)


@pytest.mark.parametrize("shape", [(7, 7, 3, 96), (3, 3, 16, 8), (1, 1, 5, 2)])
@pytest.mark.parametrize("scale", [0.01, 0.1, 5.0])
def test_equals_keras_max_norm_of_the_same_bound(shape, scale):
    w = kernels(scale, shape)
    bound = 0.1 * np.sqrt(np.prod(shape[:-1]))
    expected = keras.constraints.MaxNorm(bound, axis=[0, 1, 2])(w)
    np.testing.assert_allclose(MaxRMS(0.1)(w), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("value", [300.0, 1e-4, 0.0])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_float_types(dtype, value):
    w = keras.ops.full((3, 3, 2, 4), value, dtype)
    scaled = MaxRMS()(w)
    assert keras.backend.standardize_dtype(scaled.dtype) == dtype
    expected = keras.ops.cast(min(value, 0.1), dtype)
    np.testing.assert_allclose(
        keras.ops.cast(scaled, "float64"), float(expected), rtol=2**-8, atol=0
    )


def test_config_round_trip():
    constraint = MaxRMS(2)
    assert constraint.get_config() == {"max_value": 2.0}
    copy = keras.constraints.deserialize(keras.constraints.serialize(constraint))
    assert type(copy) is MaxRMS and copy.get_config() == constraint.get_config()


@pytest.mark.parametrize("bound", [0, -0.1, float("nan"), float("inf")])
def test_a_bound_that_is_none_is_refused(bound):
    wanted = "must be above 0 and finite.* Received: max_"
    with pytest.raises(ValueError, match=f"`max_value` {wanted}value="):
        MaxRMS(bound)
    with pytest.raises(UsageError, match=f"`max_filter_rms` {wanted}filter_rms="):
        ZFNet(5, variant="zfnet_quarter", max_filter_rms=bound)


def test_training_keeps_every_filter_of_every_convolution_at_the_bound():
    model = ZFNet(num_classes=5, variant="zfnet_quarter")
    model.compile(keras.optimizers.SGD(5.0), "sparse_categorical_crossentropy")
    generator = np.random.default_rng(0)
    images = generator.uniform(-128, 128, (8, 56, 56, 3)).astype("float32")
    labels = np.arange(8) % 5
    largest = {}
    for _ in range(4):
        model.train_on_batch(images, labels)
        for layer in model.layers:
            if isinstance(layer, keras.layers.Conv2D):
                rms = reference.filter_rms(layer.kernel.numpy()).max()
                assert rms <= 0.1 + 1e-6, layer.name
                largest[layer.name] = max(rms, largest.get(layer.name, 0))
    # The rate was high enough for the bound to bite.
    assert largest["conv1"] > 0.0999, largest
