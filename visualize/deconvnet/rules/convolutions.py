"""Convolutions: the same filters, transposed, without the bias.

Zeiler & Fergus 2014, sec. 2.1 "Filtering". Flipping a filter vertically and
horizontally and transposing the convolution are one and the same; it is done once.
"""

import keras
from keras import ops

from visualize.deconvnet import backend
from visualize.deconvnet.rules.registry import register_rule
from visualize.deconvnet.rules.rule import Rule
from zfkeras.layers.switches import Axis, at_least


@register_rule(keras.layers.Conv2D)
class Conv2D(Rule):
    """Any strides, padding, dilation and groups."""

    has_activation = True

    def forward(self, call, x):
        layer = call.layer
        return _convolved(call, x, layer.kernel, layer.bias), None

    def can_narrow(self, call, each):
        layer = call.layer
        if each:
            rows, columns, depth, _ = layer.kernel.shape
            is_half = layer.compute_dtype not in ("float32", "float64")
            if rows * columns > depth or is_half:
                return False  # slower, or less exact
        # TensorFlow pads dilated filters by their static shape, which a choice loses.
        is_dilated = any(rate > 1 for rate in layer.dilation_rate)
        return layer.groups == 1 and not (is_dilated and call.padding == "same")

    def forward_channels(self, call, channels, x):
        if len(channels.shape) == 2:
            return _convolved_each(call, x, channels[:, 0]), None
        layer = call.layer
        kernel = ops.take(layer.kernel, channels, axis=-1)
        bias = ops.take(layer.bias, channels, axis=0) if layer.use_bias else None
        return _convolved(call, x, kernel, bias), None

    def backward(self, call, signal, memory):
        layer = call.layer
        if layer.groups == call.input_shape[-1] and len({*layer.strides}) == 1:
            # One operation in place of hundreds: ConvNeXt writes depthwise so.
            rows, columns, _, filters = layer.kernel.shape
            shape = [rows, columns, layer.groups, filters // layer.groups]
            return depthwise_transposed(signal, ops.reshape(layer.kernel, shape), call)
        kernel = dilated(ops.cast(layer.kernel, signal.dtype), layer.dilation_rate)
        *size, channels = call.input_shape
        place = (layer.strides, call.padding)
        if layer.groups == 1:
            return transposed(signal, kernel, (*size, channels), *place)
        shape = (*size, channels // layer.groups)
        pairs = zip(
            ops.split(signal, layer.groups, axis=-1),
            ops.split(kernel, layer.groups, axis=-1),
            strict=True,
        )
        return ops.concatenate(
            [transposed(s, k, shape, *place) for s, k in pairs], axis=-1
        )


@register_rule(keras.layers.DepthwiseConv2D)
class DepthwiseConv2D(Rule):
    """Each channel by its own filters."""

    has_activation = True

    def forward(self, call, x):
        layer = call.layer
        y = keras.ops.depthwise_conv(
            ops.cast(x, layer.compute_dtype),
            ops.cast(layer.kernel, layer.compute_dtype),
            **_place(call),
        )
        return _with_bias(layer, y), None

    def backward(self, call, signal, memory):
        return depthwise_transposed(signal, call.layer.kernel, call)


@register_rule(keras.layers.SeparableConv2D)
class SeparableConv2D(Rule):
    """Pointwise first on the way down, then depthwise."""

    has_activation = True

    def forward(self, call, x):
        layer = call.layer
        y = keras.ops.separable_conv(
            ops.cast(x, layer.compute_dtype),
            ops.cast(layer.depthwise_kernel, layer.compute_dtype),
            ops.cast(layer.pointwise_kernel, layer.compute_dtype),
            **_place(call),
        )
        return _with_bias(layer, y), None

    def backward(self, call, signal, memory):
        layer = call.layer
        pointwise = ops.cast(layer.pointwise_kernel[0, 0], signal.dtype)
        signal = ops.tensordot(signal, pointwise, [[-1], [1]])
        return depthwise_transposed(signal, layer.depthwise_kernel, call)


def transposed(signal, kernel, input_shape, strides, padding):
    """Computes the transposed convolution of an undilated, ungrouped kernel.

    signal: float tensor (n, out_height, out_width, filters); kernel: float tensor
    (kernel_height, kernel_width, channels, filters).
    """
    if _phases_pay(kernel.shape, strides):
        return _transposed_by_phases(signal, kernel, input_shape, strides, padding)
    (image,) = backend.transposed(
        lambda x: ops.conv(x, kernel, strides, padding, "channels_last"),
        [input_shape],
        signal,
    )
    return image


def _phases_pay(kernel_shape, strides):
    """TensorFlow's own kernel is slow where images, not maps, come out: 3x on conv1."""
    vertical, horizontal = strides
    few = kernel_shape[2] * vertical * horizontal <= 64
    return vertical == horizontal > 1 and few


def _transposed_by_phases(signal, kernel, input_shape, strides, padding):
    # Pixel y = phase + stride * m sees the taps phase, phase + stride, ... of the
    # filters: one dense convolution gives all phases as channels.
    stride = strides[0]
    rows, columns, channels, filters = kernel.shape
    down, right = -(-rows // stride), -(-columns // stride)
    whole = [[0, down * stride - rows], [0, right * stride - columns], [0, 0], [0, 0]]
    taps = ops.reshape(
        ops.pad(kernel, whole), [down, stride, right, stride, channels, filters]
    )
    taps = ops.flip(taps, (0, 2))
    taps = ops.reshape(
        ops.transpose(taps, [0, 2, 5, 1, 3, 4]),
        [down, right, filters, stride * stride * channels],
    )
    around = [[0, 0], [down - 1, down - 1], [right - 1, right - 1], [0, 0]]
    phases = ops.conv(ops.pad(signal, around), taps, 1, "valid", "channels_last")
    image = ops.depth_to_space(phases, stride, "channels_last")
    return _cut(image, kernel.shape, input_shape, strides, padding)


def _cut(image, kernel_shape, input_shape, strides, padding):
    """Cuts the input's part out of an image that begins with the first window."""
    for number in (1, 2):
        axis = Axis(kernel_shape[number - 1], strides[number - 1], padding)
        length = input_shape[number - 1]
        before = axis.before(length)
        missing = at_least(before + length - ops.shape(image)[number], 0)
        paddings = [[0, 0], [0, 0], [0, 0], [0, 0]]
        paddings[number] = [0, missing]
        image = ops.pad(image, paddings)
        image = ops.take(image, before + ops.arange(length, dtype="int32"), axis=number)
    return image


def depthwise_transposed(signal, kernel, call):
    """Computes the transpose of a depthwise convolution.

    signal: float tensor (n, out_height, out_width, channels * multiplier).
    """
    kernel = dilated(ops.cast(kernel, signal.dtype), call.layer.dilation_rate)
    place = call.layer.strides, call.padding, "channels_last"
    (image,) = backend.transposed(
        lambda x: ops.depthwise_conv(x, kernel, *place), [call.input_shape], signal
    )
    return image


def dilated(kernel, rate):
    """Writes the zeros between the taps of a dilated kernel."""
    vertical, horizontal = _pair(rate)
    if vertical == horizontal == 1:
        return kernel
    rows, columns, *rest = kernel.shape
    spread = ops.reshape(kernel, [rows, 1, columns, 1, *rest])
    gaps = [[0, 0], [0, vertical - 1], [0, 0], [0, horizontal - 1], [0, 0], [0, 0]]
    spread = ops.reshape(
        ops.pad(spread, gaps), [rows * vertical, columns * horizontal, *rest]
    )
    return spread[: (rows - 1) * vertical + 1, : (columns - 1) * horizontal + 1]


def _pair(rate):
    return (rate, rate) if isinstance(rate, int) else tuple(rate)


def _place(call):
    """Returns the arguments of `keras.ops` that place a convolution's windows."""
    layer = call.layer
    return {
        "strides": layer.strides,
        "padding": call.padding,
        "dilation_rate": layer.dilation_rate,
        "data_format": layer.data_format,
    }


def _convolved(call, x, kernel, bias):
    dtype = call.layer.compute_dtype
    y = keras.ops.conv(ops.cast(x, dtype), ops.cast(kernel, dtype), **_place(call))
    return y if bias is None else y + ops.cast(bias, dtype)


def _convolved_each(call, x, channels):
    """Applies to each image the one filter that is asked of it."""
    layer, (height, width, depth) = call.layer, call.input_shape
    kernels = ops.take(ops.cast(layer.kernel, layer.compute_dtype), channels, axis=-1)
    rows, columns, *_ = kernels.shape
    taps = rows * columns
    # Each pixel times each tap is one matrix product; a filter of ones adds them up.
    kernels = ops.reshape(ops.transpose(kernels, [3, 2, 0, 1]), [-1, depth, taps])
    x = ops.cast(ops.reshape(x, [-1, height * width, depth]), layer.compute_dtype)
    products = ops.reshape(ops.matmul(x, kernels), [-1, height, width, taps])
    ones = ops.reshape(ops.eye(taps, dtype=x.dtype), [rows, columns, taps, 1])
    y = keras.ops.conv(products, ones, **_place(call))
    if layer.bias is None:
        return y
    return (
        y
        + ops.cast(ops.take(layer.bias, channels, axis=0), y.dtype)[:, None, None, None]
    )


def _with_bias(layer, maps):
    return maps + ops.cast(layer.bias, maps.dtype) if layer.use_bias else maps
