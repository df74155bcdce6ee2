"""The gradient of a function of one array, by whichever backend Keras has."""

import keras


def gradient(function, x):
    """Returns d sum(function(x)) / dx; it can be called inside a function again."""
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            x = tf.convert_to_tensor(x)
            with tf.GradientTape() as tape:
                tape.watch(x)
                total = tf.reduce_sum(function(x))
            return tape.gradient(total, x)
        case "jax":
            import jax

            return jax.grad(lambda x: function(x).sum())(keras.ops.array(x))
        case "torch":
            import torch

            is_outermost = not (torch.is_tensor(x) and x.requires_grad)
            if is_outermost:
                x = keras.ops.array(x).requires_grad_()
            total = function(x).sum()
            found = torch.autograd.grad(total, x, create_graph=True)[0]
            return found.detach() if is_outermost else found
