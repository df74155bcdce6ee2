"""The same network in PyTorch, with the same weights: channels last, with LRN.

It imports PyTorch; check `is_installed("torch")` first.
"""

import keras
import numpy as np
import torch
from torch import nn

from zfkeras.layers import LocalResponseNormalization, MaxPoolWithArgmax
from zfkeras.layers.switches import Axis


class _ChannelsLast(nn.Module):
    """Flattens maps in the order of channels-last networks."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


def torch_twin(model: keras.Model) -> nn.Sequential:
    """Builds the twin of a network that `ZFNet` makes; it answers with logits."""
    modules = nn.Sequential()
    for layer in model.layers[1:]:
        for name, module in _modules(layer):
            modules.add_module(name, module)
    return modules.to(memory_format=torch.channels_last)


def as_torch(images: np.ndarray) -> torch.Tensor:
    """(n, height, width, channels) as PyTorch's (n, channels, height, width)."""
    tensor = torch.from_numpy(np.ascontiguousarray(images))
    return tensor.permute(0, 3, 1, 2)


def check_twins(model: keras.Model, twin: nn.Module) -> None:
    """Raises AssertionError unless both answer the same."""
    images = np.random.default_rng(0).normal(0, 60, (2, *model.input_shape[1:]))
    images = images.astype(np.float32)
    twin.eval()
    with torch.no_grad():
        found = torch.softmax(twin(as_torch(images)), 1).numpy()
    np.testing.assert_allclose(found, model(images).numpy(), rtol=1e-3, atol=1e-6)


def _modules(layer):
    if isinstance(layer, keras.layers.ZeroPadding2D):
        (top, bottom), (left, right) = layer.padding
        return [(layer.name, nn.ZeroPad2d((left, right, top, bottom)))]
    if isinstance(layer, keras.layers.Conv2D):
        return _convolution(layer)
    if isinstance(layer, MaxPoolWithArgmax):
        return _pool(layer)
    if isinstance(layer, LocalResponseNormalization):
        size = 2 * layer.depth_radius + 1  # PyTorch divides alpha by the channels
        norm = nn.LocalResponseNorm(size, size * layer.alpha, layer.beta, layer.bias)
        return [(layer.name, norm)]
    if isinstance(layer, keras.layers.Flatten):
        return [(layer.name, _ChannelsLast())]
    if isinstance(layer, keras.layers.Dropout):
        return [(layer.name, nn.Dropout(layer.rate))]
    kernel, bias = layer.get_weights()
    dense = nn.Linear(*kernel.shape)
    _copy(dense, kernel.T, bias)
    relu = [] if layer.name == "predictions" else [(f"{layer.name}_relu", nn.ReLU())]
    return [(layer.name, dense), *relu]


def _convolution(layer):
    kernel, bias = layer.get_weights()
    before, after = _overhang(layer)
    pads = (before[1], after[1], before[0], after[0])
    # Padding inside the convolution is faster, where PyTorch can express it.
    inside = before if before == after else (0, 0)
    module = nn.Conv2d(
        kernel.shape[2], layer.filters, layer.kernel_size, layer.strides, inside
    )
    _copy(module, kernel.transpose(3, 2, 0, 1), bias)
    outside = [] if before == after else [(f"{layer.name}_pad", nn.ZeroPad2d(pads))]
    return [*outside, (layer.name, module), (f"{layer.name}_relu", nn.ReLU())]


def _pool(layer):
    before, after = _overhang(layer, layer.windows.pool_size, layer.windows.strides)
    # Maps are rectified: a window that is cut at the end needs no padding.
    ceil = before != after and before == (0, 0)
    if not ceil and before != after:
        raise ValueError(f"PyTorch cannot pad {layer.name}: {before}, {after}")
    size, strides = layer.windows.pool_size, layer.windows.strides
    return [(layer.name, nn.MaxPool2d(size, strides, before, ceil_mode=ceil))]


def _overhang(layer, size=None, strides=None):
    """Pixels by which windows overhang (top, left) and (bottom, right)."""
    padding = layer.windows.padding if size else layer.padding
    size, strides = size or layer.kernel_size, strides or layer.strides
    before, after = [], []
    for pool, stride, length in zip(size, strides, layer.input.shape[1:3], strict=True):
        axis = Axis(pool, stride, padding)
        covered = (axis.output(length) - 1) * stride + pool
        before.append(axis.before(length))
        after.append(max(covered - length - before[-1], 0))
    return tuple(before), tuple(after)


def _copy(module, weight, bias):
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
        module.bias.copy_(torch.from_numpy(bias))
