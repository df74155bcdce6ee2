"""The half-scale ZFNet on small public parts of ImageNet: 293 classes, 112x112 pixels.

Command:  python -m zfkeras.train --config zfnet_half_small_imagenets \
              --data prepared:small-imagenets --workdir runs/half
          where zfkeras.prepare wrote small-imagenets from one folder that joins Tiny
          ImageNet, mini-ImageNet, Imagenette and Imagewoof by their class ids.
Hardware: two CPU cores with bfloat16 units, about four hours (estimated).
Expected: not measured yet.

The recipe is that of `zfnet_quarter_tiny_imagenet`. Six in ten photographs have 64x64
pixels, three in ten 84x84, and others 224x224: random blur keeps the network from
learning classes by their sharpness.
"""

import dataclasses

from zfkeras.configs import zfnet_quarter_tiny_imagenet
from zfkeras.training.config import TrainConfig


def get_config() -> TrainConfig:
    """Returns the quarter-scale recipe for the half-scale network, with random blur."""
    base = zfnet_quarter_tiny_imagenet.get_config()
    return dataclasses.replace(
        base,
        name="zfnet_half_small_imagenets",
        model=dataclasses.replace(base.model, variant="zfnet_half"),
        data=dataclasses.replace(
            base.data, source="prepared:small-imagenets", max_reduction=2.0
        ),
        epochs=16,
    )
