"""A training step at both scales against its twins.

The twins do the same: stochastic gradient descent with momentum, the bound on the
filters, dropout, LRN; in stock Keras layers, and in PyTorch with channels last. Where
the CPU has bfloat16, all are measured in it, too: Keras's mixed policy, autocast.
"""

import keras
import tensorflow as tf

from benchmarks.comparison import Comparison, is_installed
from benchmarks.keras_twin import keras_twin
from benchmarks.precisions import compare, fast_policies, with_policy
from benchmarks.timing import interleaved
from zfkeras.models.zfnet import ZFNet
from zfkeras.training.config import OptimizerConfig
from zfkeras.training.step import make_optimizer, make_train_step

SCALES = [("zfnet_quarter", 200, 128), ("zfnet", 1000, 32)]  # variant, classes, batch
OURS, STOCK, TORCH = "ours", "stock Keras layers", "PyTorch, channels last"
# Goal of a row: how many times as long each peer must take.
TARGETS = {
    "zfnet_quarter": {STOCK: 1.25, TORCH: 1.0},
    "zfnet": {STOCK: 1.2, TORCH: 1.2},
}


def run() -> list[Comparison]:
    """The steps of both networks, in each precision that is fast on this CPU."""
    return [row for scale in SCALES for row in _compare(*scale)]


def _compare(variant, num_classes, batch_size):
    model = ZFNet(num_classes, variant=variant, kernel_initializer="he_normal")
    contenders = {
        (policy, name): step
        for policy in fast_policies()
        for name, step in _steps(model, batch_size, policy).items()
    }
    times = interleaved(contenders, repeats=9)
    return compare(
        times,
        "training step",
        f"{variant}, batch {batch_size}",
        OURS,
        TARGETS[variant],
        images=batch_size,
    )


def _steps(model, batch_size, policy):
    """Name -> step of each contender, from the same weights."""
    steps = {
        OURS: _step(with_policy(model, policy), batch_size),
        STOCK: _stock_step(keras_twin(model, policy), batch_size),
    }
    if is_installed("torch"):
        steps[TORCH] = _torch_step(model, batch_size, policy)
    return steps


def _batch(model, batch_size):
    shape = (batch_size, *model.input_shape[1:])
    images = tf.random.stateless_normal(shape, seed=(0, 0), stddev=60.0)
    return images, tf.range(batch_size, dtype=tf.int64) % model.output_shape[-1]


def _stock_step(model, batch_size):
    """What `fit` compiles, without its Python."""
    optimizer = keras.optimizers.SGD(1e-4, momentum=0.9)
    images, labels = _batch(model, batch_size)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            answers = model(images, training=True)
            loss = tf.reduce_mean(
                keras.losses.sparse_categorical_crossentropy(labels, answers)
            )
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return loss

    optimizer.build(model.trainable_variables)
    return lambda: float(step())


def _torch_step(model, batch_size, policy):
    import torch

    from benchmarks.torch_twin import as_torch, autocast, torch_twin

    twin = torch_twin(model, policy).train()
    images, labels = _batch(model, batch_size)
    images, labels = as_torch(images.numpy()), torch.from_numpy(labels.numpy())
    optimizer = torch.optim.SGD(twin.parameters(), 1e-4, momentum=0.9, fused=True)
    kernels = [m.weight for m in twin if isinstance(m, torch.nn.Conv2d)]

    def step():
        optimizer.zero_grad(set_to_none=True)
        with autocast(policy):
            loss = torch.nn.functional.cross_entropy(twin(images), labels)
        loss.backward()
        optimizer.step()
        with torch.no_grad():  # the renormalisation of sec. 3
            for kernel in kernels:
                rms = kernel.square().mean((1, 2, 3), keepdim=True).sqrt()
                kernel.mul_(0.1 / rms.clamp_min(0.1))
        return loss.item()

    return step


def _step(model, batch_size):
    optimizer = make_optimizer(OptimizerConfig(1e-4), None)
    optimizer.build(model.trainable_variables)
    step = make_train_step(model, optimizer, tf.distribute.get_strategy())
    batch = dict(zip(("image", "label"), _batch(model, batch_size), strict=True))
    size = tf.constant(batch_size, tf.float32)
    return lambda: float(step(batch, size)[0])
