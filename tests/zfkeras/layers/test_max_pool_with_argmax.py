import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import reference
from tests.helpers.reference import WINDOWS, images_of
from zfkeras.layers import LocalResponseNormalization, MaxPoolWithArgmax, Unpool
from zfkeras.layers.switches import Windows, max_pool_values


def assert_same(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(np.array(ours), np.array(theirs))


def test_a_4x4_image_by_hand():
    # Ties (9 twice, 5 four times) go to the first place in reading order.
    image = np.array([[1, 9, 9, 0], [2, 3, 9, 4], [5, 5, 8, 7], [5, 5, 6, 7]], "f4")
    pooled, argmax = MaxPoolWithArgmax(2)(image[None, :, :, None])
    np.testing.assert_array_equal(pooled[0, :, :, 0], [[9, 9], [5, 8]])
    np.testing.assert_array_equal(argmax[0, :, :, 0], [[1, 2], [8, 10]])


@pytest.mark.parametrize("kind", ["random", "tied", "infinite"])
@pytest.mark.parametrize(("pool_size", "strides", "padding", "size"), WINDOWS)
def test_equals_the_plain_reference(pool_size, strides, padding, size, kind):
    images = images_of(kind, size)
    found = MaxPoolWithArgmax(pool_size, strides, padding)(images)
    expected = reference.max_pool_with_argmax(images, pool_size, strides, padding)
    assert_same(found, expected)


@pytest.mark.parametrize("kind", ["random", "tied"])
@pytest.mark.parametrize(("pool_size", "strides", "padding", "size"), WINDOWS)
def test_equals_tensorflows_own_op(pool_size, strides, padding, size, kind):
    images = images_of(kind, size)
    expected = tf.nn.max_pool_with_argmax(images, pool_size, strides, padding.upper())
    assert_same(MaxPoolWithArgmax(pool_size, strides, padding)(images), expected)


@pytest.mark.parametrize("kind", ["random", "tied"])
@pytest.mark.parametrize(("pool_size", "strides", "padding", "size"), WINDOWS)
def test_gradient_equals_tensorflows_own(pool_size, strides, padding, size, kind):
    images = tf.constant(images_of(kind, size))
    layer = MaxPoolWithArgmax(pool_size, strides, padding)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(images)
        ours, _ = layer(images)
        theirs = tf.nn.max_pool2d(images, pool_size, strides, padding.upper())
        weights = tf.random.stateless_normal(ours.shape, [0, 1])
        losses = tf.reduce_sum(ours * weights), tf.reduce_sum(theirs * weights)
    found, expected = (tape.gradient(loss, images) for loss in losses)
    # Overlapping windows add up to nine numbers, in another order.
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("pool_size", "strides", "padding", "size"), WINDOWS[2:7:2])
def test_gradient_is_unpool(pool_size, strides, padding, size):
    images = tf.constant(images_of("tied", size))
    layer = MaxPoolWithArgmax(pool_size, strides, padding)
    with tf.GradientTape() as tape:
        tape.watch(images)
        pooled, argmax = layer(images)
    upstream = tf.random.stateless_normal(pooled.shape, [0, 1])
    found = tape.gradient(pooled, images, upstream)
    unpool = Unpool(pool_size, strides, padding)
    expected = unpool([upstream, argmax], output_size=size)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("pool_size", "strides", "padding", "size"), WINDOWS)
def test_static_declared_and_run_time_shapes_agree(pool_size, strides, padding, size):
    layer = MaxPoolWithArgmax(pool_size, strides, padding)
    static = layer(keras.Input((*size, 3)))
    ran = layer(np.zeros((2, *size, 3), "float32"))
    declared = layer.compute_output_shape((2, *size, 3))
    for symbol, tensor, shape in zip(static, ran, declared, strict=True):
        assert tuple(tensor.shape) == shape == (2, *symbol.shape[1:])
        assert keras.backend.standardize_dtype(tensor.dtype) == symbol.dtype
    rows, columns = (
        len(reference.window_starts(*arguments, padding))
        for arguments in zip(size, pool_size, strides, strict=True)
    )
    assert declared[0] == (2, rows, columns, 3)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("with_xla", [True, False])
def test_nan_wins_at_its_first_place(padding, with_xla):
    images = images_of("random", (6, 6))
    images[0, 1:3, 2:4] = np.nan
    images[1, 5, 5, 0] = np.nan
    images[1, 0, 0] = np.inf
    layer = MaxPoolWithArgmax(3, 2, padding)
    if not with_xla:  # as in a graph of unknown sizes
        layer = tf.function(layer, [tf.TensorSpec([None, None, None, 3])])
    expected = reference.max_pool_with_argmax(images, (3, 3), (2, 2), padding)
    assert np.isnan(expected[0]).any()
    assert_same(layer(images), expected)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("odd", [None, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_values_without_places_are_the_same(padding, odd, dtype):
    # TensorFlow's own pool would pass over NaN, and take the lowest number for -inf.
    images = tf.cast(images_of("random", (6, 6)), dtype).numpy()
    if odd is not None:
        images[0, :5, :5] = odd
    wide = images.astype("float64")
    expected, _ = reference.max_pool_with_argmax(wide, (3, 3), (2, 2), padding)
    found = max_pool_values(tf.constant(images), Windows.of(3, 2, padding))
    assert found.dtype == dtype
    np.testing.assert_array_equal(tf.cast(found, "float64"), expected)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_every_float_type_is_exact(dtype):
    images = tf.cast(images_of("random", (7, 6)), dtype)
    pooled, argmax = MaxPoolWithArgmax(3, 2, "same", dtype=dtype)(images)
    # Rounding to a narrow type makes ties, so the reference reads the rounded values.
    wide = np.array(tf.cast(images, "float64"))
    expected = reference.max_pool_with_argmax(wide, (3, 3), (2, 2), "same")
    assert pooled.dtype == dtype
    assert argmax.dtype == "int64"
    assert_same((tf.cast(pooled, "float64"), argmax), expected)


@pytest.mark.parametrize(("pool_size", "strides", "padding", "size"), WINDOWS[3:7:3])
def test_gradient_equals_numerical_differences(pool_size, strides, padding, size):
    images = images_of("random", size, "float64", channels=1)
    layer = MaxPoolWithArgmax(pool_size, strides, padding, dtype="float64")
    weights = tf.cast(tf.range(1, 1 + tf.size(layer(images)[0])), tf.float64)

    def loss(x):
        return tf.reduce_sum(tf.reshape(layer(x)[0] ** 2, [-1]) * weights)

    x = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = loss(x)
    expected = reference.numerical_gradient(lambda x: float(loss(x)), images)
    np.testing.assert_allclose(tape.gradient(value, x), expected, rtol=1e-5, atol=1e-5)


def test_second_order_gradient_equals_tensorflows_own():
    images = tf.constant(images_of("tied", (5, 6)))
    layer = MaxPoolWithArgmax(3, 2, "same")

    def second_order(pool):
        with tf.GradientTape() as outer:
            outer.watch(images)
            with tf.GradientTape() as inner:
                inner.watch(images)
                loss = tf.reduce_sum(pool(images) ** 3)
            first = inner.gradient(loss, images)
            penalty = tf.reduce_sum(first**2)
        return outer.gradient(penalty, images)

    found = second_order(lambda x: layer(x)[0])
    expected = second_order(lambda x: tf.nn.max_pool2d(x, 3, 2, "SAME"))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert np.abs(expected).max() > 0


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_batch_height_and_width_may_be_unknown(padding, jit_compile):
    layer = MaxPoolWithArgmax(3, 2, padding)
    signature = [tf.TensorSpec([None, None, None, 2], tf.float32)]

    @tf.function(input_signature=signature, jit_compile=jit_compile)
    def value_and_gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            pooled, argmax = layer(x)
            loss = tf.reduce_sum(pooled**2)
        assert pooled.shape.as_list() == argmax.shape.as_list() == [None] * 3 + [2]
        return pooled, argmax, tape.gradient(loss, x)

    for size in [(5, 8), (6, 3)]:
        images = images_of("tied", size, channels=2)
        pooled, argmax, gradient = value_and_gradient(images)
        expected = reference.max_pool_with_argmax(images, (3, 3), (2, 2), padding)
        assert_same((pooled, argmax), expected)
        upstream = 2 * expected[0]
        assert_same([gradient], [reference.unpool(upstream, expected[1], *size)])


def test_an_empty_batch_pools_to_an_empty_batch():
    pooled, argmax = MaxPoolWithArgmax(2)(np.zeros((0, 4, 6, 3), "float32"))
    assert pooled.shape == argmax.shape == (0, 2, 3, 3)


@pytest.mark.parametrize("layer", [MaxPoolWithArgmax, Unpool])
@pytest.mark.parametrize(
    ("arguments", "pool_size", "strides", "padding"),
    [
        ((), (2, 2), (2, 2), "valid"),
        ((3, 2, "SAME"), (3, 3), (2, 2), "same"),
        ((np.int64(3), [np.int32(1), 2]), (3, 3), (1, 2), "valid"),
    ],
)
def test_config_round_trip(layer, arguments, pool_size, strides, padding):
    made = layer(*arguments, name="switches", dtype="mixed_float16")
    config = made.get_config()
    expected = {"pool_size": pool_size, "strides": strides, "padding": padding}
    assert {key: config[key] for key in expected} == expected
    assert {key: getattr(made, key) for key in expected} == expected
    copy = layer.from_config(config)
    assert copy.get_config() == config
    assert (copy.name, copy.dtype_policy.name) == ("switches", "mixed_float16")


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        *(("pool_size", v) for v in (0, -1, 2.5, "3", None, (2,), (2, 2, 2), (2, 0))),
        *(("strides", v) for v in (0, 1.5, (1, -1), "22")),
        *(("padding", v) for v in ("full", None, 1)),
    ],
)
@pytest.mark.parametrize("layer", [MaxPoolWithArgmax, Unpool])
def test_bad_windows_are_refused(layer, argument, value):
    with pytest.raises(
        ValueError, match=f"`{argument}` must be .*Received: {argument}="
    ):
        layer(**{"pool_size": 2, argument: value})


@pytest.mark.parametrize("stride", [1, 2])
def test_windows_that_do_not_fit_are_refused(stride):
    # previously, for stride 1, an error from inside the kernel
    layer = MaxPoolWithArgmax(3, stride)
    message = r"pool_size=\(3, 3\) do not fit into the input. Received: input shape="
    with pytest.raises(ValueError, match=message):
        layer(np.zeros((1, 4, 1, 1), "float32"))
    with pytest.raises(ValueError, match=message):
        layer(keras.Input((1, 4, 1)))
    with pytest.raises(ValueError, match=message):
        layer.compute_output_shape((None, 2, 2, 1))


def small_classifier():
    """A convolution below and a dense layer above the pool, under an LRN."""
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu")(image)
    x, _ = MaxPoolWithArgmax(3, 2, "same")(x)
    x = LocalResponseNormalization()(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(image, keras.layers.Dense(2, "softmax", dtype="float32")(x))


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_training_compiled_by_xla_equals_training_without(policy):
    keras.config.set_dtype_policy(policy)
    images = np.random.default_rng(0).standard_normal((8, 8, 8, 3)).astype("float32")
    labels = np.arange(8) % 2
    trained = []
    for jit_compile in (False, True):
        keras.utils.set_random_seed(0)
        model = small_classifier()
        before = [w.numpy() for w in model.trainable_weights]
        model.compile(
            keras.optimizers.SGD(0.1),
            "sparse_categorical_crossentropy",
            jit_compile=jit_compile,
        )
        history = model.fit(images, labels, 4, shuffle=False, verbose=0)
        assert np.isfinite(history.history["loss"]).all()
        trained.append([w.numpy() for w in model.trainable_weights])
        for old, new in zip(before, trained[-1], strict=True):
            assert np.abs(old - new).max() > 0
    # XLA adds in another order; float16 keeps about three digits.
    tolerance = 1e-5 if policy == "float32" else 2e-3
    for plain, compiled in zip(*trained, strict=True):
        np.testing.assert_allclose(plain, compiled, rtol=0, atol=tolerance)
