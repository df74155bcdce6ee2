import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import reference
from tests.helpers.reference import WINDOWS
from zfkeras.layers import MaxPoolWithArgmax, Unpool

# Distance from 1 to the next number.
EPS = {"float16": 2**-10, "bfloat16": 2**-7, "float32": 2**-23, "float64": 2**-52}


def pooled_pair(pool_size, strides, padding, size, dtype="float32"):
    """Random values to unpool, and the argmax of random images with ties."""
    generator = np.random.default_rng(0)
    images = generator.integers(-2, 3, (2, *size, 3)).astype(dtype)
    _, argmax = reference.max_pool_with_argmax(images, pool_size, strides, padding)
    return generator.standard_normal(argmax.shape).astype(dtype), argmax


def test_a_4x4_image_by_hand():
    argmax = np.array([[1, 2], [8, 10]])[None, :, :, None]
    pooled = np.array([[9, 8], [5, -7]], "f4")[None, :, :, None]
    image = Unpool(2)([pooled, argmax])
    expected = [[0, 9, 8, 0], [0, 0, 0, 0], [5, 0, -7, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(image[0, :, :, 0], expected)


def test_windows_that_share_a_maximum_add():
    # Four 3 by 2 windows, "same", all of whose maxima stand in the middle, at (2, 2).
    argmax = np.full((1, 2, 2, 1), 10)
    pooled = np.array([[1, 2], [4, 8]], "f4")[None, :, :, None]
    image = Unpool(3, 2, "same")([pooled, argmax])
    expected = np.zeros((4, 4))
    expected[2, 2] = 15
    np.testing.assert_array_equal(image[0, :, :, 0], expected)


@pytest.mark.parametrize(("pool_size", "strides", "padding", "size"), WINDOWS)
def test_equals_reference_and_scatter_nd(pool_size, strides, padding, size):
    pooled, argmax = pooled_pair(pool_size, strides, padding, size)
    found = Unpool(pool_size, strides, padding)([pooled, argmax], output_size=size)
    expected = reference.unpool(pooled, argmax, *size)
    # Windows that share a maximum add in another order.
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    scattered = [
        tf.scatter_nd(places.reshape(-1, 1), values.ravel(), [size[0] * size[1] * 3])
        for places, values in zip(argmax, pooled, strict=True)
    ]
    np.testing.assert_allclose(
        found, tf.reshape(tf.stack(scattered), found.shape), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(("pool_size", "strides", "padding", "size"), WINDOWS)
def test_is_the_transpose_of_reading_the_maxima(pool_size, strides, padding, size):
    pooled, argmax = pooled_pair(pool_size, strides, padding, size, "float64")
    images = np.random.default_rng(1).standard_normal((2, *size, 3))
    layer = Unpool(pool_size, strides, padding, dtype="float64")
    unpooled = layer([pooled, argmax], output_size=size)
    picked = reference.pick(images, argmax)
    np.testing.assert_allclose(np.vdot(unpooled, images), np.vdot(pooled, picked))


@pytest.mark.parametrize(("pool_size", "strides", "padding", "size"), WINDOWS)
def test_gradient_reads_the_maxima(pool_size, strides, padding, size):
    pooled, argmax = pooled_pair(pool_size, strides, padding, size)
    upstream = np.random.default_rng(1).standard_normal((2, *size, 3)).astype("f4")
    layer = Unpool(pool_size, strides, padding)
    x = tf.constant(pooled)
    with tf.GradientTape() as tape:
        tape.watch(x)
        image = layer([x, argmax], output_size=size)
    found = tape.gradient(image, x, tf.constant(upstream))
    np.testing.assert_array_equal(found, reference.pick(upstream, argmax))


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_gradients_equal_numerical_differences(padding):
    size = (5, 5)
    values, argmax = pooled_pair((3, 3), (2, 2), padding, size, "float64")
    layer = Unpool(3, 2, padding, dtype="float64")

    def loss(x):
        return tf.reduce_sum(layer([x, argmax], output_size=size) ** 3)

    def first_order(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(x)
        return tape.gradient(value, x)

    x = tf.constant(values)
    expected = reference.numerical_gradient(lambda x: float(loss(x)), values)
    np.testing.assert_allclose(first_order(x), expected, rtol=1e-5, atol=1e-6)

    with tf.GradientTape() as tape:
        tape.watch(x)
        slope = tf.reduce_sum(first_order(x) ** 2)
    second = tape.gradient(slope, x)
    expected = reference.numerical_gradient(
        lambda x: float(tf.reduce_sum(first_order(tf.constant(x)) ** 2)), values
    )
    # The slope's fourth powers leave central differences about six digits.
    np.testing.assert_allclose(second, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("foreign", [1, 8, -1, 16, 10**12, 2**32, -(2**32)])
def test_a_foreign_argmax_adds_nothing(foreign, padding):
    # Left of and below its window, outside the image; previously the ones beyond
    # 32 bits came round to the first pixel.
    argmax = np.array([[0, foreign], [9, 15]])[None, :, :, None]
    image = Unpool(2, padding=padding)([np.ones((1, 2, 2, 1), "f4"), argmax])
    expected = [[1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
    np.testing.assert_array_equal(image[0, :, :, 0], expected)


@pytest.mark.parametrize("in_graph", [False, True])
def test_an_argmax_that_counts_over_the_batch_is_refused(in_graph):
    images = np.random.default_rng(0).normal(size=(3, 4, 4, 2)).astype("float32")
    pooled, argmax = tf.nn.max_pool_with_argmax(
        images, 2, 2, "VALID", include_batch_in_index=True
    )
    unpool = tf.function(Unpool(2)) if in_graph else Unpool(2)
    error = tf.errors.InvalidArgumentError if in_graph else ValueError
    for some in (slice(0, 3), slice(1, 3), slice(2, 3)):
        with pytest.raises(error, match="include_batch_in_index=False"):
            unpool([pooled[some], argmax[some]])


@pytest.mark.parametrize("foreign", [-1, -2, 9, 10])
def test_a_foreign_argmax_in_the_padding_adds_nothing(foreign):
    # Windows 3 by 1, "same", overhang on every side of a 3x3 image.
    argmax = np.arange(9).reshape(1, 3, 3, 1)
    argmax[0, 0, 0] = -1
    argmax[0, 2, 2] = foreign
    image = Unpool(3, 1, "same")([np.ones((1, 3, 3, 1), "f4"), argmax])
    expected = [[0, 1, 1], [1, 1, 1], [1, 1, 0]]
    np.testing.assert_array_equal(image[0, :, :, 0], expected)


def test_the_argmax_of_another_channel_adds_nothing():
    argmax = np.array([1, 0]).reshape(1, 1, 1, 2)
    image = Unpool(2)([np.ones((1, 1, 1, 2), "f4"), argmax])
    assert not np.any(image)


@pytest.mark.parametrize(
    ("padding", "pool", "stride", "windows", "expected"),
    [
        ("valid", 2, 2, (3, 4), (6, 8)),
        ("valid", 3, 2, (3, 4), (7, 9)),
        ("valid", 2, 3, (2, 2), (5, 5)),
        ("same", 3, 2, (3, 4), (6, 8)),
        ("same", 2, 1, (3, 4), (3, 4)),
    ],
)
def test_the_default_size(padding, pool, stride, windows, expected):
    layer = Unpool(pool, stride, padding)
    shape = (2, *windows, 3)
    pair = [np.ones(shape, "f4"), np.zeros(shape, "int64")]
    symbols = [keras.Input(shape[1:]), keras.Input(shape[1:], dtype="int64")]
    assert layer(pair).shape == (2, *expected, 3)
    assert layer(symbols).shape == (None, *expected, 3)
    assert layer.compute_output_shape([shape, shape]) == (2, *expected, 3)
    # The image of that size pools to the given number of windows.
    pool_layer = MaxPoolWithArgmax(pool, stride, padding)
    assert pool_layer.compute_output_shape((2, *expected, 3))[0] == shape


@pytest.mark.parametrize(("pool_size", "strides", "padding", "size"), WINDOWS)
def test_static_declared_and_run_time_shapes_agree(pool_size, strides, padding, size):
    pooled, argmax = pooled_pair(pool_size, strides, padding, size)
    layer = Unpool(pool_size, strides, padding)
    symbols = [keras.Input(pooled.shape[1:]), keras.Input(pooled.shape[1:], dtype=int)]
    static = layer(symbols, output_size=size)
    ran = layer([pooled, argmax], output_size=size)
    declared = layer.compute_output_shape([pooled.shape] * 2, output_size=size)
    assert tuple(ran.shape) == declared == (2, *static.shape[1:]) == (2, *size, 3)
    assert static.dtype == "float32" == ran.dtype.name


def output_sizes(size):
    height, width = size
    return {
        "numbers": (height, width),
        "list": [height, width],
        "numpy": (np.int64(height), np.int32(width)),
        "scalar tensors": (tf.constant(height), tf.constant(width, tf.int64)),
        "shape": tf.shape(np.zeros((1, height, width, 1)))[1:3],
        "image": np.zeros((2, height, width, 5), "f4"),
        "image tensor": tf.zeros((2, height, width, 5)),
    }


@pytest.mark.parametrize("kind", output_sizes((1, 1)))
def test_output_size_comes_in_many_forms(kind):
    size = (5, 6)
    pooled, argmax = pooled_pair((2, 2), (2, 2), "valid", size)
    output_size = output_sizes(size)[kind]
    found = Unpool(2)([pooled, argmax], output_size=output_size)
    expected = reference.unpool(pooled, argmax, *size)
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_all_sizes_may_be_unknown(padding, jit_compile):
    layer = Unpool(3, 2, padding)
    spec = [None, None, None, 3]

    @tf.function(
        input_signature=[
            tf.TensorSpec(spec, tf.float32),
            tf.TensorSpec(spec, tf.int64),
            tf.TensorSpec(spec, tf.float32),
        ],
        jit_compile=jit_compile,
    )
    def value_and_gradient(pooled, argmax, like):
        with tf.GradientTape() as tape:
            tape.watch(pooled)
            image = layer([pooled, argmax], output_size=like)
            assert image.shape.as_list() == [None, None, None, 3]
            loss = tf.reduce_sum(image**2)
        return image, tape.gradient(loss, pooled)

    for size in [(5, 8), (6, 3)]:
        pooled, argmax = pooled_pair((3, 3), (2, 2), padding, size)
        image, gradient = value_and_gradient(pooled, argmax, np.zeros((2, *size, 3)))
        expected = reference.unpool(pooled, argmax, *size)
        np.testing.assert_allclose(image, expected, rtol=1e-5, atol=1e-6)
        expected = reference.pick(2 * expected, argmax)
        np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-6)


def test_a_size_only_known_at_run_time_in_a_graph():
    layer = Unpool(2)
    scalar = tf.TensorSpec([], tf.int64)

    @tf.function(input_signature=[scalar, scalar])
    def unpool(height, width):
        image = layer([pooled, argmax], output_size=(height, width))
        assert image.shape.as_list() == [2, None, None, 3]
        return image

    pooled, argmax = pooled_pair((2, 2), (2, 2), "valid", (5, 7))
    expected = reference.unpool(pooled, argmax, 5, 7)
    np.testing.assert_array_equal(unpool(5, 7), expected)


@pytest.mark.parametrize("dtype", EPS)
def test_every_float_type(dtype):
    pooled, argmax = pooled_pair((3, 3), (2, 2), "same", (6, 7))
    rounded = tf.cast(pooled, dtype)
    image = Unpool(3, 2, "same", dtype=dtype)([rounded, argmax], output_size=(6, 7))
    assert image.dtype == dtype
    expected = reference.unpool(np.array(tf.cast(rounded, "float64")), argmax, 6, 7)
    # At most four windows share a pixel; each of three sums rounds once.
    tolerance = 4 * EPS[dtype]
    found = tf.cast(image, "float64")
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=4 * tolerance)


def test_an_argmax_of_32_bits_serves_too():
    pooled, argmax = pooled_pair((2, 2), (2, 2), "valid", (6, 8))
    found = Unpool(2)([pooled, argmax.astype("int32")])
    np.testing.assert_array_equal(found, reference.unpool(pooled, argmax, 6, 8))


@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize("known", [False, True])
def test_a_functional_model_takes_the_size_from_an_image(saved, known, tmp_path):
    image = keras.Input((5, 6, 3) if known else (None, None, 3))
    pooled, argmax = MaxPoolWithArgmax(3, 2, "same")(image)
    unpooled = Unpool(3, 2, "same")([pooled, argmax], output_size=image)
    model = keras.Model(image, unpooled)
    assert model.output_shape == (None, *image.shape[1:])
    if saved:
        model.save(tmp_path / "autoencoder.keras")
        model = keras.saving.load_model(tmp_path / "autoencoder.keras")
    for size in [(5, 6)] if known else [(5, 6), (8, 7)]:
        images = np.random.default_rng(0).standard_normal((2, *size, 3)).astype("f4")
        pair = reference.max_pool_with_argmax(images, (3, 3), (2, 2), "same")
        expected = reference.unpool(*pair, *size)
        found = model.predict(images, verbose=0)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def symbols_of(*shapes):
    return [keras.Input(batch_shape=shape) for shape in shapes]


def arrays_of(*shapes):
    return [np.zeros(shape, "f4") for shape in shapes]


@pytest.mark.parametrize("tensors", [symbols_of, arrays_of])
@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([(1, 2, 2, 1)], r"must be \[pooled, argmax\].*shapes \[\(1, 2, 2, 1\)\]"),
        ([(2, 2, 1)] * 2, r"must be \[pooled, argmax\].*shapes \[\(2, 2, 1\), "),
        ([(1, 2, 2, 1)] * 3, r"must be \[pooled, argmax\]"),
        (
            [(1, 2, 2, 1), (1, 2, 3, 1)],
            r"same shape. Received: pooled.shape=\(1, 2, 2, 1\), argmax.shape=",
        ),
    ],
)
def test_bad_pairs_are_refused(tensors, shapes, message):
    with pytest.raises(ValueError, match=message):
        Unpool(2)(tensors(*shapes))


@pytest.mark.parametrize(
    "output_size",
    [(6, 4), (4, 3), (tf.constant(6), tf.constant(4)), np.zeros((1, 4, 6, 1))],
)
def test_an_output_size_that_does_not_pool_to_the_input_is_refused(output_size):
    pair = np.zeros((1, 2, 2, 1), "f4"), np.zeros((1, 2, 2, 1), "int64")
    with pytest.raises(ValueError, match="`output_size` must pool to the pooled size"):
        Unpool(2)(pair, output_size=output_size)


@pytest.mark.parametrize("output_size", [4, (4,), (4, 4, 4), (4.0, 4.0), "44"])
def test_an_output_size_of_another_kind_is_refused(output_size):
    pair = np.zeros((1, 2, 2, 1), "f4"), np.zeros((1, 2, 2, 1), "int64")
    with pytest.raises(ValueError, match=r"must be \(height, width\).*output_size="):
        Unpool(2)(pair, output_size=output_size)
