"""Max pooling that also returns where each maximum stood."""

import math

import keras

from zfkeras.layers._backend import index_type, with_shape
from zfkeras.layers._pooling import argmax_from_offset, max_pool
from zfkeras.layers._window_layer import WindowLayer
from zfkeras.layers._windows import axis_length


@keras.saving.register_keras_serializable(package="zfkeras")
class MaxPoolWithArgmax(WindowLayer):
    """Takes the maximum of each window and the place it came from: the switches.

    Zeiler & Fergus 2014, sec. 2.1 "Unpooling". Unlike `tf.nn.max_pool_with_argmax` it
    compiles under XLA, runs in float16 and bfloat16, and needs no scatter on the way
    back: its gradient is `Unpool`, so overlapping windows that share a maximum add.

    Ties go to the first maximum in reading order. Padding never wins, not even against
    -inf. NaN wins, at its first place, so that it is not hidden.

    The number of windows along an axis of n pixels is `ceil(n / stride)` for "same" and
    `floor((n - pool) / stride) + 1` for "valid" padding; "same" windows overhang as
    TensorFlow's do, the odd pixel at the bottom and right.

    Args:
        pool_size: window (height, width) in pixels, or one number for both.
        strides: step (vertical, horizontal) in pixels, or one number for both.
            `None` (default) means `pool_size`.
        padding: "valid" (default) or "same".
        **kwargs: `name`, `dtype` and what else `keras.layers.Layer` takes.

    Call arguments:
        inputs: tensor (batch, height, width, channels), channels last. All but
            channels may be unknown.

    Returns:
        Two tensors (batch, pooled_height, pooled_width, channels). The first, float,
        holds the maxima. The second, int64 (int32 where JAX has no wider numbers),
        holds the flat index of each, `(y * width + x) * channels + c` in one image, as
        TensorFlow defines it.

    Raises:
        ValueError: a bad argument, windows that do not fit into the input, or, where
            the index is an int32, images of more than 2^31 values.

    Example:
        >>> image = keras.ops.reshape(keras.ops.arange(16.0), (1, 4, 4, 1))
        >>> pooled, argmax = MaxPoolWithArgmax(2)(image)
        >>> argmax[0, :, :, 0].numpy().tolist()
        [[5, 7], [13, 15]]
    """

    def __init__(self, pool_size=2, strides=None, padding="valid", **kwargs):
        super().__init__(pool_size, strides, padding, **kwargs)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, inputs):
        shape, _ = self.compute_output_shape(inputs.shape)
        inputs = keras.ops.cast(inputs, self.compute_dtype)
        pooled, offset = max_pool(inputs, self.windows)
        height, width = axis_length(inputs, 1), axis_length(inputs, 2)
        argmax = argmax_from_offset(offset, height, width, self.windows)
        # Functions compiled for unknown sizes forget what is known of them.
        return with_shape(pooled, shape), with_shape(argmax, shape)

    def compute_output_shape(self, input_shape):
        _check_index_fits(input_shape)
        shape = self.windows.output_shape(input_shape)
        return shape, shape

    def compute_output_spec(self, inputs):
        pooled, argmax = self.compute_output_shape(inputs.shape)
        return (
            keras.KerasTensor(pooled, dtype=self.compute_dtype),
            keras.KerasTensor(argmax, dtype=index_type()),
        )


def _check_index_fits(shape):
    """Refuses images with places that an int32 cannot count."""
    places = math.prod(size for size in shape[1:] if size is not None)
    if index_type() == "int32" and places > 2**31:
        raise ValueError(
            f"Images of {places} values need an int64 argmax. Received: input shape="
            f"{tuple(shape)}. Set jax.config.update('jax_enable_x64', True) first."
        )
