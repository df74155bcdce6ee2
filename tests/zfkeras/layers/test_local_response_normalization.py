import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import reference
from zfkeras.layers import LocalResponseNormalization

# depth_radius, bias, alpha, beta
CONSTANTS = [
    (2, 2.0, 1e-4, 0.75),  # AlexNet's
    (2, 1.0, 1.0, 0.75),  # so strong that every term counts
    (5, 1.0, 1e-4, 0.75),
    (1, 0.5, 0.3, 0.5),
    (0, 2.0, 0.1, 1.0),
    (9, 1.0, 0.2, 0.6),  # wider than the channels
]


def activations(scale=3.0, dtype="float32"):
    generator = np.random.default_rng(0)
    return (scale * generator.standard_normal((2, 3, 4, 7))).astype(dtype)


def gradient_of(function, x, upstream):
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x, tf.constant(upstream, y.dtype))


@pytest.mark.parametrize("constants", CONSTANTS)
def test_equals_the_plain_reference(constants):
    x = activations()
    found = LocalResponseNormalization(*constants)(x)
    expected = reference.local_response_normalization(x, *constants)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("constants", CONSTANTS)
def test_equals_tensorflows_own_op_and_its_gradient(constants):
    x, upstream = activations(), activations(1.0)[::-1]
    layer = LocalResponseNormalization(*constants)

    def theirs(x):
        return tf.nn.local_response_normalization(x, *constants)

    np.testing.assert_allclose(layer(x), theirs(x), rtol=1e-5, atol=1e-6)
    found = gradient_of(layer, x, upstream)
    np.testing.assert_allclose(
        found, gradient_of(theirs, x, upstream), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("constants", CONSTANTS)
def test_gradient_equals_the_analytic_one(constants):
    x, upstream = activations(), activations(1.0)[::-1]
    found = gradient_of(LocalResponseNormalization(*constants), x, upstream)
    expected = reference.local_response_normalization_gradient(x, upstream, *constants)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_the_analytic_gradient_equals_numerical_differences():
    # The layer computes in float32, too coarse for differences: the reference does not.
    constants = (1, 1.0, 0.3, 0.75)
    x = activations(1.0, "float64")[:1, :2, :2]
    upstream = activations(1.0, "float64")[1:, :2, :2]

    def loss(x):
        return np.vdot(upstream, reference.local_response_normalization(x, *constants))

    found = reference.local_response_normalization_gradient(x, upstream, *constants)
    np.testing.assert_allclose(found, reference.numerical_gradient(loss, x), rtol=1e-6)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("constants", CONSTANTS[1:4:2])
def test_second_order_gradient_equals_that_of_a_plain_formula(constants, jit_compile):
    radius, bias, alpha, beta = constants
    layer = LocalResponseNormalization(*constants)
    x = tf.constant(activations(1.0))

    def plain(x):
        distance = np.abs(np.arange(7)[:, None] - np.arange(7))
        near = tf.constant(distance <= radius, tf.float32)
        return x / (bias + alpha * tf.tensordot(x**2, near, 1)) ** beta

    def second_order(function):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                loss = tf.reduce_sum(function(x) ** 3)
            penalty = tf.reduce_sum(inner.gradient(loss, x) ** 2)
        return outer.gradient(penalty, x)

    found = tf.function(lambda: second_order(layer), jit_compile=jit_compile)()
    expected = second_order(plain)
    # Sums of products of float32 roundings, about ten deep.
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_graph_and_xla_equal_eager(jit_compile):
    x, upstream = activations(), activations(1.0)[::-1]
    layer = LocalResponseNormalization(2, 1.0, 1.0)
    channels = 7 if jit_compile else None
    signature = [tf.TensorSpec([None, None, None, channels], tf.float32)] * 2

    @tf.function(input_signature=signature, jit_compile=jit_compile)
    def value_and_gradient(x, upstream):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        return y, tape.gradient(y, x, upstream)

    for size in [3, 2]:
        y, gradient = value_and_gradient(x[:size, :size], upstream[:size, :size])
        arguments = x[:size, :size], upstream[:size, :size]
        # XLA may fuse a multiplication and an addition into one rounding.
        np.testing.assert_allclose(y, layer(arguments[0]), rtol=1e-6)
        expected = gradient_of(layer, *arguments)
        np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("dtype", "eps"), [("float16", 2**-10), ("bfloat16", 2**-7)])
def test_half_precision_computes_in_float32(dtype, eps):
    # 300^2 is infinite in float16; the result keeps only the rounding of its type.
    x = tf.cast(activations(300.0), dtype)
    wide = np.array(tf.cast(x, "float64"))
    constants = (2, 2.0, 1e-4, 0.75)
    y = LocalResponseNormalization(*constants, dtype=dtype)(x)
    assert y.dtype == dtype
    expected = reference.local_response_normalization(wide, *constants)
    half_a_step = eps / 2
    found = tf.cast(y, "float64")
    np.testing.assert_allclose(found, expected, rtol=half_a_step * 1.01, atol=1e-6)

    upstream = tf.ones_like(x)
    gradient = gradient_of(LocalResponseNormalization(dtype=dtype), x, upstream)
    assert gradient.dtype == dtype
    expected = reference.local_response_normalization_gradient(
        wide, np.ones_like(wide), *constants
    )
    # Terms that cancel leave the float32 rounding of the terms themselves.
    np.testing.assert_allclose(
        tf.cast(gradient, "float64"), expected, rtol=half_a_step * 1.01, atol=1e-5
    )


@pytest.mark.parametrize("shape", [(5, 7), (2, 4, 7), (2, 3, 4, 7), (1, 2, 2, 3, 7)])
def test_static_declared_and_run_time_shapes_agree_at_any_rank(shape):
    layer = LocalResponseNormalization()
    static = layer(keras.Input(shape[1:]))
    ran = layer(np.ones(shape, "f4"))
    assert static.shape == (None, *shape[1:])
    assert tuple(ran.shape) == layer.compute_output_shape(shape) == shape
    assert static.dtype == "float32" == ran.dtype.name


def test_a_saved_model_of_unknown_sizes_answers_the_same(tmp_path):
    image = keras.Input((None, None, 7))
    layer = LocalResponseNormalization(np.int64(3), 1.5, 0.2, 0.6, name="norm")
    model = keras.Model(image, layer(image))
    assert model.output_shape == (None, None, None, 7)
    model.save(tmp_path / "norm.keras")
    loaded = keras.saving.load_model(tmp_path / "norm.keras")
    assert loaded.get_layer("norm").get_config() == layer.get_config()
    found = loaded.predict(activations(), verbose=0)
    expected = reference.local_response_normalization(activations(), 3, 1.5, 0.2, 0.6)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        *(("depth_radius", v) for v in (-1, 2.0, "2", None)),
        ("bias", 0),
        ("bias", np.nan),
    ],
)
def test_a_bad_constant_is_refused(argument, value):
    with pytest.raises(ValueError, match=f"`{argument}` must be .*: {argument}="):
        LocalResponseNormalization(**{argument: value})
