"""Backend functions for the deconvnet that `keras.ops` does not have."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
from keras import ops

_BACKEND = keras.backend.backend()
if _BACKEND == "tensorflow":
    import tensorflow as tf
elif _BACKEND == "jax":
    import jax
else:
    import torch


def compiled(function: Callable, kinds: Sequence[tuple]) -> Callable:
    """Compiles a function of tensors, where the backend has a compiler of its own.

    kinds: shape and dtype of each tensor. Returns a function from arrays to arrays.
    """
    if _BACKEND == "tensorflow":
        signature = [tf.TensorSpec(*kind) for kind in kinds]
        graph = tf.function(function, signature, autograph=False)
        graph = graph.get_concrete_function()
        return lambda *arrays: _arrays(graph(*map(tf.convert_to_tensor, arrays)))
    if _BACKEND == "jax":
        graph = jax.jit(function)
        return lambda *arrays: _arrays(graph(*arrays))
    return lambda *arrays: _arrays(_without_gradients(function, arrays))


def output_shape(function: Callable, shape: tuple, dtype: str) -> tuple:
    """Returns the shape that a function makes of a tensor, without the batch axis."""
    if _BACKEND == "tensorflow":
        images = tf.TensorSpec((None, *shape), dtype)
        graph = tf.function(function, autograph=False).get_concrete_function(images)
        return tuple(graph.output_shapes[1:])
    with keras.StatelessScope():
        return tuple(function(ops.zeros((1, *shape), dtype)).shape[1:])


def gradients(function: Callable, inputs: Sequence, signal) -> tuple:
    """Returns the derivatives of sum(function(*inputs) * signal) by each input."""
    if _BACKEND == "tensorflow":
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            made = function(*inputs)
        return tuple(tape.gradient(made, inputs, ops.cast(signal, made.dtype)))
    if _BACKEND == "jax":
        made, backwards = jax.vjp(function, *inputs)
        return backwards(ops.cast(signal, made.dtype))
    with torch.enable_grad():
        inputs = [one.detach().requires_grad_() for one in inputs]
        made = function(*inputs)
        return torch.autograd.grad(made, inputs, ops.cast(signal, made.dtype))


def transposed(function: Callable, shapes: Sequence, signal) -> tuple:
    """Transposes a linear function of tensors: its derivatives at 0.

    shapes: of the inputs, without the batch axis.
    """
    n = ops.shape(signal)[0]
    zeros = [ops.zeros([n, *shape], signal.dtype) for shape in shapes]
    return gradients(function, zeros, signal)


def unique(numbers) -> tuple:
    """Returns the different numbers, and the place of each number among them."""
    if _BACKEND == "tensorflow":
        return tuple(tf.unique(numbers))
    if _BACKEND == "jax":  # as many as there may be
        found = jax.numpy.unique(numbers, return_inverse=True, size=len(numbers))
        return found[0], found[1].reshape(-1)
    return torch.unique(numbers, return_inverse=True)


def take_of_each(x, numbers, axis: int):
    """Takes numbers (n, ...) of an axis, for each of n examples its own."""
    if _BACKEND == "tensorflow":
        return tf.gather(x, numbers, axis=axis, batch_dims=1)
    shape = [*numbers.shape] + [1] * (len(x.shape) - axis - 1)
    shape = [shape[0], *[1] * (axis - 1), *shape[1:]]
    return ops.take_along_axis(x, ops.reshape(numbers, shape), axis)


def _arrays(tensors) -> list[np.ndarray]:
    return [ops.convert_to_numpy(tensor) for tensor in tensors]


def _without_gradients(function, arrays):
    with torch.no_grad():
        return function(*map(ops.convert_to_tensor, arrays))


def own_functions(*names: str) -> list[Callable]:
    """Finds the backend's own functions of these names, which layers may be given."""
    homes = {
        "tensorflow": lambda: (tf.nn, tf),
        "jax": lambda: (jax.nn,),
        "torch": lambda: (torch.nn.functional,),
    }[_BACKEND]()
    return [
        getattr(home, name) for name in names for home in homes if hasattr(home, name)
    ]
