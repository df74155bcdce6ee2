"""Unpooling: pooled values back to the places their maxima came from."""

import keras

from zfkeras.layers._backend import known_length, refuse_if, with_shape
from zfkeras.layers._pooling import offset_from_argmax, unpool
from zfkeras.layers._window_layer import WindowLayer
from zfkeras.layers._windows import axis_length


@keras.saving.register_keras_serializable(package="zfkeras")
class Unpool(WindowLayer):
    """Scatters pooled values back to the places their maxima came from.

    Zeiler & Fergus 2014, sec. 2.1 "Unpooling". Overlapping windows that share a maximum
    **add**: that makes it the exact gradient of max pooling, and the deconvnet equal to
    a rectified backward pass. Give it the arguments of the `MaxPoolWithArgmax` that
    made the argmax. An argmax outside its own window (a foreign one) adds nothing.

    Args:
        pool_size: window (height, width) in pixels, or one number for both.
        strides: step (vertical, horizontal) in pixels, or one number for both.
            `None` (default) means `pool_size`.
        padding: "valid" (default) or "same".
        **kwargs: `name`, `dtype` and what else `keras.layers.Layer` takes.

    Call arguments:
        inputs: the pair [pooled, argmax]: tensor (batch, pooled_height, pooled_width,
            channels), and int64 tensor of the same shape, flat index
            `(y * width + x) * channels + c` within one image.
        output_size: (height, width) of the image that was pooled, both whole numbers or
            both scalar tensors; or a tensor (batch, height, width, channels) of that
            size, which serves models whose sizes are unknown. Give it by name: Keras
            takes only tensors by position. `None` (default) means the smallest size
            that "valid" windows fill, or `stride` times the pooled size for "same".
            The argmax counts in rows of this width, so a wrong size gives a wrong
            picture: pass it wherever strides do not divide the image.

    Returns:
        float tensor (batch, height, width, channels), zero except at `argmax`.

    Raises:
        ValueError: a bad argument, a pair whose shapes differ, an output size that
            does not pool to the pooled size, or an argmax that counts over the batch
            (in a graph: tf.errors.InvalidArgumentError; XLA leaves the check out).

    Example:
        >>> image = keras.ops.reshape(keras.ops.arange(16.0), (1, 4, 4, 1))
        >>> pooled, argmax = MaxPoolWithArgmax(2)(image)
        >>> Unpool(2)([pooled, argmax])[0, :, :, 0].numpy().tolist()[3]
        [0.0, 13.0, 0.0, 15.0]
    """

    def __init__(self, pool_size=2, strides=None, padding="valid", **kwargs):
        super().__init__(pool_size, strides, padding, **kwargs)

    def call(self, inputs, output_size=None):
        self._check(inputs, output_size)
        pooled, argmax = inputs
        pooled = keras.ops.cast(pooled, self.compute_dtype)
        if output_size is None:
            height, width = (
                axis.natural_length(axis_length(pooled, number))
                for axis, number in zip(self.windows.axes, (1, 2), strict=True)
            )
        else:
            height, width = _run_time_size(output_size)
        _check_argmax(argmax, height, width)
        offset = offset_from_argmax(argmax, height, width, self.windows)
        image = unpool(pooled, offset, height, width, self.windows)
        return with_shape(image, self._output_shape(pooled.shape, output_size))

    def compute_output_shape(self, input_shape, output_size=None):
        return self._output_shape(input_shape[0], output_size)

    def compute_output_spec(self, inputs, output_size=None):
        self._check(inputs, output_size)
        shape = self._output_shape(inputs[0].shape, output_size)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def _output_shape(self, pooled_shape, output_size):
        batch, *windows, channels = pooled_shape
        if output_size is None:
            size = [
                axis.natural_length(number)
                for axis, number in zip(self.windows.axes, windows, strict=True)
            ]
        else:
            size = _known_size(output_size)
        return (batch, *size, channels)

    def _check(self, inputs, output_size):
        pair = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        shapes = [tuple(tensor.shape) for tensor in pair]
        if [len(shape) for shape in shapes] != [4, 4]:
            raise ValueError(
                "`inputs` must be [pooled, argmax], each (batch, height, width, "
                f"channels). Received: shapes {shapes}."
            )
        pooled_shape, argmax_shape = shapes
        pairs = zip(pooled_shape, argmax_shape, strict=True)
        if any(a != b for a, b in pairs if a is not None and b is not None):
            raise ValueError(
                "`pooled` and `argmax` must have the same shape. Received: "
                f"pooled.shape={pooled_shape}, argmax.shape={argmax_shape}."
            )
        if output_size is None:
            return
        known = _known_size(output_size)
        for axis, length, windows in zip(
            self.windows.axes, known, pooled_shape[1:3], strict=True
        ):
            if None not in (length, windows) and axis.output(length) != windows:
                raise ValueError(
                    "`output_size` must pool to the pooled size. Received: "
                    f"output_size={known}, pooled.shape={pooled_shape}."
                )


def _check_argmax(argmax, height, width):
    """Refuses an argmax that counts over the batch; in a graph while it runs."""
    first = argmax[:, 0, 0, 0]  # one entry of each image tells
    size = height * width * axis_length(argmax, 3)
    refuse_if(
        keras.ops.any(first >= keras.ops.cast(size, first.dtype)),
        "`argmax` must be the index within one image. Received: an argmax that counts "
        "over the batch; make it with include_batch_in_index=False.",
    )


def _is_image(output_size):
    return len(getattr(output_size, "shape", ())) == 4


def _known_size(output_size):
    """Returns (height, width) with `None` where it is only known at run time."""
    if _is_image(output_size):
        return tuple(output_size.shape[1:3])
    try:
        height, width = output_size
        return known_length(height), known_length(width)
    except (TypeError, ValueError) as err:
        raise ValueError(
            "`output_size` must be (height, width) in whole numbers or scalar tensors, "
            f"or an image tensor. Received: output_size={output_size!r}."
        ) from err


def _run_time_size(output_size):
    """Returns (height, width), each an int where it is known, else an int32 scalar."""
    if _is_image(output_size):
        return axis_length(output_size, 1), axis_length(output_size, 2)
    return tuple(
        keras.ops.cast(length, "int32") if known is None else known
        for length, known in zip(output_size, _known_size(output_size), strict=True)
    )
