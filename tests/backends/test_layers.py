"""The layers against plain NumPy, on whichever backend Keras has."""

import keras
import numpy as np
import pytest
from keras import ops

from tests.helpers import reference
from tests.helpers.gradients import gradient
from tests.helpers.reference import WINDOWS, images_of
from zfkeras.layers import LocalResponseNormalization, MaxPoolWithArgmax, Unpool
from zfkeras.layers.max_rms import MaxRMS

BACKEND = keras.backend.backend()
LRN = {"depth_radius": 2, "bias": 2.0, "alpha": 0.5, "beta": 0.75}


def arrays(tensors):
    return [ops.convert_to_numpy(tensor) for tensor in tensors]


def weights_like(array):
    weights = np.random.default_rng(1).standard_normal(array.shape)
    return ops.array(weights, "float32")


@pytest.mark.parametrize("kind", ["random", "tied", "infinite"])
@pytest.mark.parametrize(("pool_size", "strides", "padding", "size"), WINDOWS)
def test_pooling_equals_the_reference(pool_size, strides, padding, size, kind):
    images = images_of(kind, size)
    found = arrays(MaxPoolWithArgmax(pool_size, strides, padding)(images))
    expected = reference.max_pool_with_argmax(images, pool_size, strides, padding)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_pools_the_same_places(dtype):
    images = ops.cast(images_of("tied", (6, 7)), dtype)
    pooled, argmax = MaxPoolWithArgmax(3, 2, "same", dtype=dtype)(images)
    assert keras.backend.standardize_dtype(pooled.dtype) == dtype
    expected = reference.max_pool_with_argmax(
        ops.convert_to_numpy(ops.cast(images, "float32")), (3, 3), (2, 2), "same"
    )
    found = arrays([ops.cast(pooled, "float32"), argmax])
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_nan_wins_at_its_first_place():
    images = np.zeros((1, 2, 4, 1), "float32")
    images[0, 0, 1], images[0, 1, 0], images[0, 0, 2] = np.nan, np.nan, 5
    pooled, argmax = arrays(MaxPoolWithArgmax(2)(images))
    np.testing.assert_array_equal(pooled[0, 0, :, 0], [np.nan, 5])
    np.testing.assert_array_equal(argmax[0, 0, :, 0], [1, 2])


@pytest.mark.parametrize("kind", ["random", "tied"])
@pytest.mark.parametrize(("pool_size", "strides", "padding", "size"), WINDOWS)
def test_gradient_is_the_reference_unpooling(pool_size, strides, padding, size, kind):
    images = images_of(kind, size)
    layer = MaxPoolWithArgmax(pool_size, strides, padding)
    pooled, argmax = reference.max_pool_with_argmax(images, pool_size, strides, padding)
    weights = weights_like(pooled)
    found = gradient(lambda x: layer(x)[0] * weights, images)
    expected = reference.unpool(ops.convert_to_numpy(weights), argmax, *size)
    np.testing.assert_allclose(*arrays([found, expected]), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("pool_size", "strides", "padding", "size"), WINDOWS)
def test_unpooling_and_its_gradient_equal_the_reference(
    pool_size, strides, padding, size
):
    images = images_of("tied", size)
    pooled, argmax = reference.max_pool_with_argmax(images, pool_size, strides, padding)
    values, weights = weights_like(pooled), weights_like(images)
    layer = Unpool(pool_size, strides, padding)
    found = layer([values, argmax], output_size=size)
    expected = reference.unpool(ops.convert_to_numpy(values), argmax, *size)
    np.testing.assert_allclose(*arrays([found, expected]), rtol=1e-6, atol=1e-6)
    found = gradient(lambda x: layer([x, argmax], output_size=size) * weights, values)
    expected = reference.pick(ops.convert_to_numpy(weights), argmax)
    np.testing.assert_allclose(*arrays([found, expected]), rtol=1e-6, atol=1e-6)


def test_gradients_have_gradients():
    images = images_of("random", (6, 7))
    layer, weights = MaxPoolWithArgmax(3, 2, "same"), weights_like(images)
    found = gradient(
        lambda x: gradient(lambda x: ops.square(layer(x)[0]), x) * weights, images
    )
    _, argmax = reference.max_pool_with_argmax(images, (3, 3), (2, 2), "same")
    expected = 2 * reference.unpool(
        reference.pick(ops.convert_to_numpy(weights), argmax), argmax, 6, 7
    )
    np.testing.assert_allclose(*arrays([found, expected]), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_summed_in_float32(dtype):
    # All four windows share the middle pixel: 1 + 3 / 512 is not a sum of halves.
    pooled = ops.cast(np.full((1, 2, 2, 1), 1, "float32"), dtype)
    argmax = np.full((1, 2, 2, 1), 4)
    image = Unpool(2, 1, dtype=dtype)([pooled, argmax])
    assert keras.backend.standardize_dtype(image.dtype) == dtype
    assert float(ops.convert_to_numpy(ops.cast(image, "float32"))[0, 1, 1, 0]) == 4


def test_a_foreign_argmax_adds_nothing():
    image = Unpool(2)([np.ones((1, 2, 2, 1), "float32"), np.full((1, 2, 2, 1), 15)])
    expected = np.zeros((4, 4), "float32")
    expected[3, 3] = 1
    np.testing.assert_array_equal(ops.convert_to_numpy(image)[0, :, :, 0], expected)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_an_argmax_from_anywhere_adds_where_its_window_is(padding):
    # Each place of the image and some outside, in each channel, given to each window.
    layer, size = Unpool((2, 3), (2, 2), padding), (4, 5)
    shape = (2, 2) if padding == "valid" else (2, 3)
    argmax = np.broadcast_to(
        np.arange(-3, 4 * 5 * 2 + 3)[:, None, None, None], (46, *shape, 2)
    )
    argmax = np.where(argmax < 4 * 5 * 2, argmax, -9)
    found = layer([np.ones(argmax.shape, "float32"), argmax], output_size=size)
    expected = np.zeros((46, *size, 2), "float32")
    for n, i, j, c in np.ndindex(argmax.shape):
        pixel, channel = divmod(argmax[n, i, j, c], 2)
        row, column = pixel // 5 - 2 * i, pixel % 5 - 2 * j + (padding == "same")
        in_window = 0 <= row < 2 and 0 <= column < 3
        if argmax[n, i, j, c] >= 0 and channel == c and in_window:
            expected[n, pixel // 5, pixel % 5, c] += 1
    assert expected.sum() > 40
    np.testing.assert_array_equal(ops.convert_to_numpy(found), expected)


def test_an_argmax_over_the_batch_is_refused():
    pair = [np.ones((2, 2, 2, 1), "float32"), np.full((2, 2, 2, 1), 16)]
    with pytest.raises(ValueError, match="include_batch_in_index=False"):
        Unpool(2)(pair)


@pytest.mark.parametrize("beta", [0.75, 0.6])
def test_normalisation_and_its_gradient_equal_the_reference(beta):
    x = images_of("random", (4, 5))
    constants, weights = {**LRN, "beta": beta}, weights_like(x)
    layer = LocalResponseNormalization(**constants)
    expected = reference.local_response_normalization(x, **constants)
    np.testing.assert_allclose(*arrays([layer(x), expected]), rtol=1e-6, atol=1e-6)
    found = gradient(lambda x: layer(x) * weights, x)
    expected = reference.local_response_normalization_gradient(
        x, ops.convert_to_numpy(weights), **constants
    )
    np.testing.assert_allclose(*arrays([found, expected]), rtol=1e-6, atol=1e-6)


def test_filters_are_scaled_back_to_the_bound():
    kernel = np.random.default_rng(0).normal(0, 0.3, (3, 3, 2, 5)).astype("float32")
    rms = reference.filter_rms(ops.convert_to_numpy(MaxRMS(0.1)(ops.array(kernel))))
    np.testing.assert_allclose(rms, np.minimum(reference.filter_rms(kernel), 0.1), 1e-6)


def test_an_index_that_does_not_fit_is_refused():
    images = keras.Input((40_000, 20_000, 3))  # 2.4e9 places, above 2^31
    if BACKEND == "jax":
        with pytest.raises(ValueError, match="jax_enable_x64"):
            MaxPoolWithArgmax(2)(images)
    else:
        assert MaxPoolWithArgmax(2)(images)[1].dtype == "int64"


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_models_survive_saving(dtype, tmp_path):
    keras.config.set_dtype_policy(dtype)
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, kernel_constraint=MaxRMS())(inputs)
    pooled, argmax = MaxPoolWithArgmax(3, 2, "same")(LocalResponseNormalization()(x))
    model = keras.Model(inputs, Unpool(3, 2, "same")([pooled, argmax], output_size=x))
    model.save(tmp_path / "model.keras")
    keras.config.set_dtype_policy("float32")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    images = images_of("random", (9, 11))
    found, expected = (one.predict_on_batch(images) for one in (loaded, model))
    assert np.asarray(found, "float32").any()
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("layer", "arguments", "output"),
    [
        (MaxPoolWithArgmax, {"pool_size": 3, "strides": 2}, ((2, 3, 4, 3),) * 2),
        (LocalResponseNormalization, LRN, (2, 7, 9, 3)),
    ],
)
def test_keras_own_checks_of_a_layer_pass(layer, arguments, output):
    from keras.src.testing import TestCase

    TestCase().run_layer_test(
        layer,
        arguments,
        input_shape=(2, 7, 9, 3),
        expected_output_shape=output,
        run_training_check=False,  # nothing to train
        supports_masking=False,
    )
