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
    # Left of and below its window, outside the image, or beyond 32 bits.
    argmax = np.array([[0, foreign], [9, 15]])[None, :, :, None]
    image = Unpool(2, padding=padding)([np.ones((1, 2, 2, 1), "f4"), argmax])
    expected = [[1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
    np.testing.assert_array_equal(image[0, :, :, 0], expected)
    # Those of another channel.
    argmax = np.array([1, 0]).reshape(1, 1, 1, 2)
    assert not np.any(Unpool(2)([np.ones((1, 1, 1, 2), "f4"), argmax]))


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


@pytest.mark.parametrize(
    "make",
    [
        lambda height, width: (height, width),
        lambda height, width: [np.int64(height), np.int32(width)],
        lambda height, width: (tf.constant(height), tf.constant(width, tf.int64)),
        lambda height, width: tf.shape(np.zeros((1, height, width, 1)))[1:3],
        lambda height, width: np.zeros((2, height, width, 5), "f4"),
        lambda height, width: tf.zeros((2, height, width, 5)),
    ],
)
@pytest.mark.parametrize("type_of_argmax", ["int64", "int32"])
def test_output_size_comes_in_many_forms(make, type_of_argmax):
    pooled, argmax = pooled_pair((2, 2), (2, 2), "valid", (5, 6))
    pair = [pooled, argmax.astype(type_of_argmax)]
    found = Unpool(2)(pair, output_size=make(5, 6))
    np.testing.assert_array_equal(found, reference.unpool(pooled, argmax, 5, 6))


PAIR = [np.zeros((1, 2, 2, 1), "f4"), np.zeros((1, 2, 2, 1), "int64")]


@pytest.mark.parametrize(
    ("pair", "output_size", "message"),
    [
        (PAIR[:1], None, r"must be \[pooled, argmax\]"),
        ([PAIR[0][0]] * 2, None, r"must be \[pooled, argmax\]"),
        (
            [PAIR[0], np.zeros((1, 2, 3, 1))],
            None,
            "same shape. Received: pooled.shape=",
        ),
        *(
            (PAIR, size, "`output_size` must pool to the pooled size")
            for size in [(6, 4), (tf.constant(6),) * 2, np.zeros((1, 4, 6, 1))]
        ),
        *(
            (PAIR, size, r"must be \(height, width\).*output_size=")
            for size in (4, (4,), (4, 4, 4), (4.0, 4.0), "44")
        ),
    ],
)
def test_bad_arguments_are_refused(pair, output_size, message):
    with pytest.raises(ValueError, match=message):
        Unpool(2)(pair, output_size=output_size)
