"""On a GPU the layers answer as on the CPU, and gradients repeat to the bit.

`make gpu-check` runs these tests; without a GPU they are skipped.
"""

import functools
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from zfkeras.layers import LocalResponseNormalization, MaxPoolWithArgmax, Unpool

pytestmark = pytest.mark.gpu

SIZE, CHANNELS = (27, 26), 16
DTYPES = ("float32", "float16", "bfloat16")


@pytest.fixture(autouse=True)
def full_float32():
    """Without TF32, which cuts the factors of a convolution to ten bits."""
    tf.config.experimental.enable_tensor_float_32_execution(False)
    yield
    tf.config.experimental.enable_tensor_float_32_execution(True)


def images(dtype, seed=0):
    """Numbers of few values, so that windows have ties."""
    random = np.random.default_rng(seed)
    values = random.integers(-8, 9, (4, *SIZE, CHANNELS)) / 4
    return tf.constant(values, dtype)


def pool(values):
    return MaxPoolWithArgmax(3, 2, "same")(values)


def unpool(values):
    layer = Unpool(3, 2, "same")
    return layer(pool(values), output_size=SIZE)


def normalize(values):
    return LocalResponseNormalization(dtype=values.dtype.name)(values)


def gradient(function, values):
    with tf.GradientTape() as tape:
        tape.watch(values)
        answer = keras.tree.flatten(function(values))[0]
        # Not TensorFlow's: XLA draws other random numbers.
        weights = np.random.default_rng(1).random(answer.shape, np.float32)
        loss = tf.reduce_sum(tf.cast(answer, tf.float32) * weights)
    return tape.gradient(loss, values)


FUNCTIONS = {
    "pool": pool,
    "unpool": unpool,
    "normalize": normalize,
    **{
        f"gradient of {function.__name__}": functools.partial(gradient, function)
        for function in (pool, unpool, normalize)
    },
}


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_gpu_answers_as_the_cpu_does(name, dtype, jit_compile):
    values = images(dtype)
    answers = []
    for device, compiled in (("GPU:0", jit_compile), ("CPU:0", False)):
        with tf.device(device):
            function = tf.function(FUNCTIONS[name], jit_compile=compiled)
            found = keras.tree.flatten(function(tf.identity(values)))
        assert device in found[0].device
        answers.append([tf.cast(one, tf.float32).numpy() for one in found])
    # A pool chooses; all else adds or divides, and is rounded in the end.
    rounding = {"float32": 1e-6, "float16": 1e-3, "bfloat16": 8e-3}[dtype]
    tolerance = 0 if name == "pool" else 2 * rounding
    for ours, theirs in zip(*answers, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


GRADIENTS = """
import sys
import keras
import numpy as np
import tensorflow as tf
import zfkeras

device, compiled = sys.argv[1], sys.argv[2] == "True"
keras.utils.set_random_seed(0)
tf.config.experimental.enable_op_determinism()
with tf.device(device):
    model = zfkeras.ZFNet(10, variant="zfnet_quarter", kernel_initializer="he_normal")
    images = tf.random.stateless_normal((32, *model.input_shape[1:]), (0, 0))

    @tf.function(jit_compile=compiled)
    def gradients():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(images, training=False)[:, 0])
        return tape.gradient(loss, model.trainable_variables)

    found = {b"".join(g.numpy().tobytes() for g in gradients()) for _ in range(10)}
print(len(found), "different")
"""


@pytest.mark.parametrize("jit_compile", [False, True])
def test_ten_gradients_on_a_gpu_are_equal_to_the_bit(jit_compile):
    # A process of its own: determinism cannot be turned off again.
    words = [sys.executable, "-c", GRADIENTS, "GPU:0", str(jit_compile)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.stdout == "1 different\n", done.stderr[-2000:]
