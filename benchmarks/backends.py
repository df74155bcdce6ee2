"""The layers under the backend at hand, beside that backend's own operations.

`KERAS_BACKEND=jax .venv-jax/bin/python -m benchmarks.backends`; the numbers are in
docs/backends.md.
"""

import functools

import keras
import numpy as np

from benchmarks.comparison import Comparison
from benchmarks.timing import interleaved
from zfkeras.layers import LocalResponseNormalization, MaxPoolWithArgmax, Unpool

BACKEND = keras.backend.backend()
SHAPE = (32, 55, 55, 96)
WINDOWS = {"pool_size": 3, "strides": 2, "padding": "valid"}


def run() -> list[Comparison]:
    """Pooling, its gradient, unpooling and normalisation."""
    x = keras.ops.array(np.random.default_rng(0).normal(size=SHAPE), "float32")
    pool, unpool = MaxPoolWithArgmax(**WINDOWS), Unpool(**WINDOWS)
    own, normalize = keras.layers.MaxPooling2D(**WINDOWS), LocalResponseNormalization()
    pooled, argmax = pool(x)
    size = "x".join(map(str, SHAPE))
    ours, theirs = "MaxPoolWithArgmax", f"Keras's MaxPooling2D, {BACKEND}"
    found = [
        _compare(
            f"pool, {size}, 3x3/2",
            {ours: _compiled(pool, x), theirs: _compiled(own, x)} | _torch_pool(x),
        ),
        _compare(
            f"gradient of the pool, {size}, 3x3/2",
            {
                ours: _gradient(lambda x: pool(x)[0], x),
                theirs: _gradient(own, x),
            },
        ),
        _compare(
            f"unpool to {size}, 3x3/2",
            {
                "Unpool": _compiled(
                    lambda p: unpool([p, argmax], output_size=SHAPE[1:3]), pooled
                )
            },
        ),
        _compare(
            f"normalise, {size}",
            {"LocalResponseNormalization": _compiled(normalize, x)} | _own_norm(x),
        ),
    ]
    return [*found, *_disjoint(x)]


def _compare(what, contenders) -> Comparison:
    return Comparison(what, next(iter(contenders)), interleaved(contenders))


def _compiled(function, x):
    """Wraps a function so that it is compiled, if it can be, and waited for."""
    match BACKEND:
        case "tensorflow":
            import tensorflow as tf

            compiled = tf.function(function)
            return lambda: [one.numpy() for one in keras.tree.flatten(compiled(x))]
        case "jax":
            import jax

            compiled = jax.jit(function)
            return lambda: jax.block_until_ready(compiled(x))
    return lambda: function(x)


def _gradient(function, x):
    """Wraps the gradient of a function's sum of squares likewise."""
    match BACKEND:
        case "tensorflow":
            import tensorflow as tf

            def gradient(x):
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    total = tf.reduce_sum(function(x) ** 2)
                return tape.gradient(total, x)

            return _compiled(gradient, x)
        case "jax":
            import jax

            return _compiled(jax.grad(lambda x: (function(x) ** 2).sum()), x)
    import torch

    x = x.detach().clone().requires_grad_()
    return lambda: torch.autograd.grad((function(x) ** 2).sum(), x)


def _torch_pool(x):
    """PyTorch's own pool, which Keras's layer copies into another order for."""
    if BACKEND != "torch":
        return {}
    from torch.nn.functional import max_pool2d

    maps = x.permute(0, 3, 1, 2)
    return {"max_pool2d, indices": lambda: max_pool2d(maps, 3, 2, return_indices=True)}


def _own_norm(x):
    """The backend's own normalisation, where it has one."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        name = "tf.nn.local_response_normalization"
        return {name: _compiled(lambda x: tf.nn.lrn(x, 2, 2.0, 1e-4, 0.75), x)}
    if BACKEND == "torch":
        from torch.nn.functional import local_response_norm

        maps = x.permute(0, 3, 1, 2)
        own = functools.partial(local_response_norm, maps, 5, 5e-4, 0.75, 2.0)
        return {"local_response_norm": own}
    return {}


def _disjoint(x):
    """Unpooling of windows that do not overlap, where PyTorch's own is defined."""
    if BACKEND != "torch":
        return []
    from torch.nn.functional import max_pool2d, max_unpool2d

    x = x[:, :54, :54].contiguous()  # which two divides
    pair = MaxPoolWithArgmax(2)(x)
    pooled, index = max_pool2d(x.permute(0, 3, 1, 2), 2, return_indices=True)
    contenders = {
        "Unpool": lambda: Unpool(2)(pair),
        "PyTorch's MaxUnpool2d": lambda: max_unpool2d(pooled, index, 2),
    }
    return [_compare("unpool, 2x2/2", contenders)]


if __name__ == "__main__":
    for comparison in run():
        print("\n".join(comparison.lines()))
