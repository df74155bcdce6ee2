"""The same network in PyTorch, with the same weights: channels last, with LRN.

It imports PyTorch; check `is_installed("torch")` first.
"""

import keras
import numpy as np
import torch
from torch import nn

from benchmarks.checks import check_answers, twin_images
from benchmarks.precisions import BFLOAT16, CLOSENESS
from zfkeras.layers import LocalResponseNormalization, MaxPoolWithArgmax
from zfkeras.layers.switches import Axis


class _ChannelsLast(nn.Module):
    """Flattens maps in the order of channels-last networks."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


def torch_twin(model: keras.Model, policy: str) -> nn.Sequential:
    """Builds the twin of a network that `ZFNet` makes; it answers with logits.

    Its weights are float32: `autocast` is what computes in another precision.

    Raises:
        AssertionError: it answers otherwise.
    """
    twin = nn.Sequential()
    for layer in model.layers[1:]:
        for name, module in _modules(layer):
            twin.add_module(name, module)
    twin = twin.to(memory_format=torch.channels_last).eval()
    images = twin_images(model)
    with torch.no_grad(), autocast(policy):
        found = torch.softmax(twin(as_torch(images)).float(), 1).numpy()
    check_answers("PyTorch", found, model(images), **CLOSENESS[policy])
    return twin


def autocast(policy: str) -> torch.autocast:
    """Computes in bfloat16 what PyTorch holds to be safe, if the policy is that."""
    return torch.autocast("cpu", torch.bfloat16, enabled=policy == BFLOAT16)


def as_torch(images: np.ndarray) -> torch.Tensor:
    """(n, height, width, channels) as PyTorch's (n, channels, height, width)."""
    tensor = torch.from_numpy(np.ascontiguousarray(images))
    return tensor.permute(0, 3, 1, 2)


def as_numpy(maps: torch.Tensor) -> np.ndarray:
    """(n, channels, height, width) as float32 (n, height, width, channels)."""
    return maps.detach().float().permute(0, 2, 3, 1).numpy()


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
