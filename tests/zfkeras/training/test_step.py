import keras
import numpy as np
import pytest
import tensorflow as tf

from zfkeras.layers.max_rms import MaxRMS
from zfkeras.training.config import OptimizerConfig
from zfkeras.training.step import make_optimizer, make_train_step


def linear_classifier():
    inputs = keras.Input((5,))
    return keras.Model(inputs, keras.layers.Dense(3, "softmax", name="hidden")(inputs))


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


def batch_of(count=8, features=5, classes=3, soft=False):
    random = np.random.default_rng(0)
    images = random.normal(0, 1, (count, features)).astype(np.float32)
    labels = random.integers(0, classes, count)
    batch = {"image": images, "label": labels}
    if soft:
        batch["soft_label"] = random.dirichlet(np.ones(3), count).astype(np.float32)
    return {key: tf.constant(value) for key, value in batch.items()}


def numpy_steps(batch, kernel, bias, config, steps):
    """Krizhevsky 2012, sec. 5: v <- m v - decay rate w - rate gradient; w <- w + v."""
    images, labels, *soft_labels = (value.numpy() for value in batch.values())
    velocity = [np.zeros_like(kernel), np.zeros_like(bias)]
    losses = []
    for _ in range(steps):
        logits = images @ kernel + bias
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        smooth = config.label_smoothing
        target = np.mean([np.eye(3)[labels], *soft_labels], axis=0)
        target = target * (1 - smooth) + smooth / 3
        losses.append(-(target * np.log(p)).sum(axis=1).mean())
        error = (p - target) / len(labels)
        gradients = [images.T @ error + config.weight_decay * kernel, error.sum(axis=0)]
        for number, gradient in enumerate(gradients):
            velocity[number] = (
                config.momentum * velocity[number] - config.learning_rate * gradient
            )
        kernel, bias = kernel + velocity[0], bias + velocity[1]
    return kernel, bias, losses


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize(
    ("weight_decay", "label_smoothing", "soft", "precision"),
    [
        (0.0, 0.0, False, None),
        (0.1, 0.0, False, None),
        (0.0, 0.2, False, None),
        (0.0, 0.0, True, None),
        (0.1, 0.2, True, "float16"),
    ],
)
def test_steps_equal_those_written_out_in_numpy(
    weight_decay, label_smoothing, soft, precision, jit_compile
):
    # With "float16", loss and penalty are scaled, and the gradient scaled back; the
    # model computes in float32 here, so that nothing is lost by it.
    config = OptimizerConfig(0.3, 0.9, weight_decay, label_smoothing)
    model, batch = linear_classifier(), batch_of(soft=soft)
    kernel, bias = model.get_weights()
    step, _ = make_step(model, config, precision, jit_compile=jit_compile)
    losses = [float(step(batch, tf.constant(8.0))[0]) for _ in range(3)]
    expected_kernel, expected_bias, expected_losses = numpy_steps(
        batch, kernel, bias, config, 3
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
