"""Backend functions for the layers that `keras.ops` does not have.

It knows nothing of pooling or normalisation.
"""

import functools
import inspect
import operator
from collections.abc import Callable
from typing import Any

import keras

_BACKEND = keras.backend.backend()
if _BACKEND == "tensorflow":
    import tensorflow as tf

    from zfkeras.layers._xla import Compiled
elif _BACKEND == "jax":
    import jax
elif _BACKEND == "torch":
    import torch
else:
    raise ImportError(
        f"KERAS_BACKEND must be tensorflow, jax or torch. Received: {_BACKEND}."
    )

# Sizes, which JAX must know before it compiles.
_SIZES = {"height", "width"}


def compiled(function: Callable) -> Callable:
    """Compiles a function of tensors, where the backend has a compiler of its own."""
    if _BACKEND == "tensorflow":
        return Compiled(function)
    if _BACKEND == "jax":
        sizes = _SIZES & {*inspect.signature(function).parameters}
        return jax.jit(function, static_argnames=tuple(sizes))
    return function


def with_gradient(function: Callable, x):
    """Returns the first part of `function(x)`, (values, gradient), with that gradient.

    The values are a tensor, or a tuple whose further ones are whole numbers. The
    gradient is a function of their upstream gradients.
    """
    if is_recorded():
        return function(x)[0]  # made of operations that have the same gradient
    if _BACKEND == "torch":  # Keras's would take one value
        return _torch_function().apply(function, x)
    if _BACKEND == "jax":
        return jax.custom_gradient(functools.partial(_spread, function))(x)
    return tf.custom_gradient(function)(x)


def _spread(function, x):
    """Calls a function; its gradient takes the upstream ones as JAX's tuple, too."""
    values, gradient = function(x)
    return values, lambda d: gradient(*d) if isinstance(d, tuple) else gradient(d)


def is_recorded() -> bool:
    """Tells whether PyTorch compiles or exports what is computed."""
    if _BACKEND != "torch":
        return False
    return torch.compiler.is_compiling() or torch.jit.is_tracing()


@functools.cache
def _torch_function():
    """Makes PyTorch's form of a function with a gradient of its own."""

    class WithGradient(torch.autograd.Function):
        @staticmethod
        def forward(ctx, function, x):
            values, ctx.gradient = function(x)
            if isinstance(values, tuple):
                ctx.mark_non_differentiable(*values[1:])
            return values

        @staticmethod
        def backward(ctx, *upstream):
            return None, ctx.gradient(*upstream)

    return WithGradient


def index_type() -> str:
    """Returns the type of an argmax: int64, or int32 where JAX has no wider numbers."""
    narrow = _BACKEND == "jax" and not jax.config.read("jax_enable_x64")
    return "int32" if narrow else "int64"


def with_shape(tensor, shape):
    """Tells a tensor what is known of its shape, which TensorFlow forgets."""
    if _BACKEND == "tensorflow":
        tensor.set_shape(shape)  # LiteRT does not have `tf.ensure_shape`
    return tensor


def known_length(length: Any) -> int | None:
    """Returns a length as an int, or `None` where it is only known at run time."""
    if isinstance(length, keras.KerasTensor):
        return None
    if _BACKEND == "tensorflow" and tf.is_tensor(length):
        length = tf.get_static_value(length)
    return None if length is None else operator.index(length)


def refuse_if(condition, message: str) -> None:
    """Raises ValueError if a boolean scalar is true; in a graph of TensorFlow later.

    What JAX, XLA or PyTorch compiles leaves the check out.
    """
    if is_recorded():
        return
    if _BACKEND == "tensorflow" and not tf.executing_eagerly():
        tf.debugging.assert_equal(condition, False, message)
    elif _BACKEND == "jax" and isinstance(condition, jax.core.Tracer):
        return
    elif bool(condition):
        raise ValueError(message)
