import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from zfkeras.layers.max_rms import MaxRMS
from zfkeras.training.config import OptimizerConfig
from zfkeras.training.step import make_optimizer, make_train_step


def linear_classifier(dtype=None):
    inputs = keras.Input((5,))
    dense = keras.layers.Dense(3, name="hidden", dtype=dtype)
    outputs = keras.layers.Activation("softmax", dtype="float32")(dense(inputs))
    return keras.Model(inputs, outputs)


def make_step(model, config, precision=None, **options):
    optimizer = make_optimizer(config, precision)
    optimizer.build(model.trainable_variables)
    strategy = tf.distribute.get_strategy()
    step = make_train_step(
        model,
        optimizer,
        strategy,
        label_smoothing=config.label_smoothing,
        weight_decay=config.weight_decay,
        **options,
    )
    return step, optimizer


def batch_of(count=8, features=5, classes=3):
    random = np.random.default_rng(0)
    images = random.normal(0, 1, (count, features)).astype(np.float32)
    labels = random.integers(0, classes, count)
    return {"image": tf.constant(images), "label": tf.constant(labels)}


def numpy_steps(images, labels, kernel, bias, config, steps):
    """Krizhevsky 2012, sec. 5: v <- m v - decay rate w - rate gradient; w <- w + v."""
    velocity = [np.zeros_like(kernel), np.zeros_like(bias)]
    losses = []
    for _ in range(steps):
        logits = images @ kernel + bias
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        smooth = config.label_smoothing
        target = np.eye(3)[labels] * (1 - smooth) + smooth / 3
        losses.append(-(target * np.log(p)).sum(axis=1).mean())
        error = (p - target) / len(labels)
        gradients = [images.T @ error + config.weight_decay * kernel, error.sum(axis=0)]
        for number, gradient in enumerate(gradients):
            velocity[number] = (
                config.momentum * velocity[number] - config.learning_rate * gradient
            )
        kernel, bias = kernel + velocity[0], bias + velocity[1]
    return kernel, bias, losses


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
@pytest.mark.parametrize("precision", [None, "float16"])
def test_steps_equal_those_written_out_in_numpy(
    weight_decay, label_smoothing, precision
):
    # With "float16", loss and penalty are scaled, and the gradient scaled back; the
    # model computes in float32 here, so that nothing is lost by it.
    config = OptimizerConfig(0.3, 0.9, weight_decay, label_smoothing)
    model, batch = linear_classifier(), batch_of()
    kernel, bias = model.get_weights()
    step, _ = make_step(model, config, precision)
    losses = [float(step(batch, tf.constant(8.0))[0]) for _ in range(3)]
    expected_kernel, expected_bias, expected_losses = numpy_steps(
        batch["image"].numpy(), batch["label"].numpy(), kernel, bias, config, 3
    )
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-5)
    np.testing.assert_allclose(model.get_weights()[0], expected_kernel, atol=1e-6)
    np.testing.assert_allclose(model.get_weights()[1], expected_bias, atol=1e-6)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_update_is_that_of_keras(momentum):
    # Ours is one operation; the constraint comes after it.
    weights = []
    for optimizer in (
        make_optimizer(OptimizerConfig(0.3, momentum), None),
        keras.optimizers.SGD(0.3, momentum),
    ):
        start = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)
        kernel = keras.Variable(start)
        kernel.constraint = MaxRMS(0.5)
        optimizer.build([kernel])
        for number in range(3):
            optimizer.apply([tf.constant(start.T.reshape(4, 3) ** number)], [kernel])
        weights.append(kernel.numpy())
    np.testing.assert_allclose(*weights, rtol=1e-6)


def test_wrong_answers_are_counted():
    model, batch = linear_classifier(), batch_of()
    answers = model.predict(batch["image"], verbose=0).argmax(axis=1)
    step, _ = make_step(model, OptimizerConfig())
    _, wrong, images = step(batch, tf.constant(8.0))
    assert float(images) == 8
    assert float(wrong) == (answers != batch["label"].numpy()).sum()


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_a_saturated_softmax_still_learns(label_smoothing):
    # On probabilities, -log would clip at 1e-7 and its gradient vanish.
    model, batch = linear_classifier(), batch_of(1)
    wrong = (int(batch["label"][0]) + 1) % 3
    model.set_weights([np.zeros((5, 3)), 200.0 * np.eye(3)[wrong]])
    config = OptimizerConfig(0.1, label_smoothing=label_smoothing)
    step, _ = make_step(model, config)
    loss, *_ = step(batch, tf.constant(1.0))
    assert 150 < float(loss) < 250
    assert abs(model.get_weights()[1][wrong] - 200) > 0.05


@pytest.mark.parametrize("precision", [None, "float16", "bfloat16"])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_the_loss_falls_in_every_precision(precision, jit_compile):
    model = linear_classifier(f"mixed_{precision}" if precision else None)
    step, optimizer = make_step(
        model, OptimizerConfig(0.5), precision, jit_compile=jit_compile
    )
    batch = batch_of()
    losses = [float(step(batch, tf.constant(8.0))[0]) for _ in range(20)]
    assert losses[-1] < 0.7 * losses[0]
    scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (precision == "float16")


TWO_REPLICAS = """
import numpy as np, tensorflow as tf, keras
cpu = tf.config.list_physical_devices("CPU")[0]
halves = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, halves)
from tests.zfkeras.training.test_step import batch_of, linear_classifier
from zfkeras.training.config import OptimizerConfig
from zfkeras.training.distributed.strategies import make_strategy
from zfkeras.training.step import make_optimizer, make_train_step

def trained(name):
    strategy = make_strategy(name, 8)
    with strategy.scope():
        keras.utils.set_random_seed(0)
        model = linear_classifier()
        optimizer = make_optimizer(OptimizerConfig(0.3), None)
        optimizer.build(model.trainable_variables)
    step = make_train_step(model, optimizer, strategy, weight_decay=0.1)
    batches = tf.data.Dataset.from_tensors(batch_of()).unbatch().batch(8).repeat(3)
    losses = [
        float(step(batch, tf.constant(8.0))[0])
        for batch in strategy.experimental_distribute_dataset(batches)
    ]
    return strategy.num_replicas_in_sync, losses, model.get_weights()

replicas_one, losses_one, weights_one = trained("single")
replicas_two, losses_two, weights_two = trained("mirrored")
assert (replicas_one, replicas_two) == (1, 2)
np.testing.assert_allclose(losses_two, losses_one, rtol=1e-5)
for one, two in zip(weights_one, weights_two):
    np.testing.assert_allclose(two, one, atol=1e-6)
print("equal")
"""


@pytest.mark.slow
def test_two_replicas_take_the_same_steps_as_one():
    # In a process of its own: devices are fixed before TensorFlow starts.
    run = subprocess.run(
        [sys.executable, "-c", TWO_REPLICAS],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.stdout.strip().endswith("equal"), run.stderr[-2000:]
