"""A training step at both scales against its twins.

The twins do the same: stochastic gradient descent with momentum, the bound on the
filters, dropout, LRN; in stock Keras layers, and in PyTorch with channels last.
"""

import keras
import tensorflow as tf

from benchmarks.comparison import Comparison, is_installed
from benchmarks.timing import interleaved
from zfkeras.models.zfnet import ZFNet
from zfkeras.training.config import OptimizerConfig
from zfkeras.training.step import make_optimizer, make_train_step

SCALES = [("zfnet_quarter", 200, 128), ("zfnet", 1000, 32)]  # variant, classes, batch
OURS, BFLOAT16 = "float32", "bfloat16"
STOCK, TORCH = "stock Keras layers", "PyTorch, channels last"
TARGETS = {
    "zfnet_quarter": {STOCK: 1.25, TORCH: 1.0},
    "zfnet": {STOCK: 1.2, TORCH: 1.2},
}


def run() -> list[Comparison]:
    """The steps of both networks."""
    results = []
    for variant, num_classes, batch_size in SCALES:
        model = _ours(variant, num_classes)
        contenders = {
            OURS: _step(model, batch_size),
            STOCK: _stock_step(stock_twin(model), batch_size),
        }
        if is_installed("torch"):
            contenders[TORCH] = _torch_step(model, batch_size)
        contenders[BFLOAT16] = _step(
            _ours(variant, num_classes, "mixed_bfloat16"), batch_size
        )
        steps = interleaved(contenders, repeats=15)
        results += [
            Comparison(
                f"training step, {variant}, batch {batch_size}",
                OURS,
                {name: time for name, time in steps.items() if name != BFLOAT16},
                TARGETS[variant],
                images=batch_size,
            ),
            Comparison(
                f"training step in bfloat16, {variant}, batch {batch_size}",
                BFLOAT16,
                {name: steps[name] for name in (BFLOAT16, OURS)},
                images=batch_size,
            ),
        ]
    return results


def _ours(variant, num_classes, dtype=None):
    return ZFNet(
        num_classes, variant=variant, kernel_initializer="he_normal", dtype=dtype
    )


def stock_twin(model):
    """The same network, and weights, of layers that Keras and TensorFlow bring."""
    x = inputs = keras.Input(model.input_shape[1:])
    for layer in model.layers[1:]:
        x = _stock_layer(layer)(x)
    stock = keras.Model(inputs, x)
    stock.set_weights(model.get_weights())
    return stock


def _stock_layer(layer):
    if layer.name.startswith("norm"):
        return keras.layers.Lambda(
            lambda x: tf.nn.local_response_normalization(x, 2, 2.0, 1e-4, 0.75),
            name=layer.name,
        )
    if layer.name.startswith("pool"):
        return keras.layers.MaxPooling2D(3, 2, layer.windows.padding, name=layer.name)
    return type(layer).from_config(layer.get_config())


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


def _torch_step(model, batch_size):
    import torch

    from benchmarks.torch_twin import as_torch, check_twins, torch_twin

    twin = torch_twin(model)
    check_twins(model, twin)
    twin.train()
    images, labels = _batch(model, batch_size)
    images, labels = as_torch(images.numpy()), torch.from_numpy(labels.numpy())
    optimizer = torch.optim.SGD(twin.parameters(), 1e-4, momentum=0.9, fused=True)
    kernels = [m.weight for m in twin if isinstance(m, torch.nn.Conv2d)]

    def step():
        optimizer.zero_grad(set_to_none=True)
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
