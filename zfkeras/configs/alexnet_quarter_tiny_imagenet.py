"""The quarter-scale AlexNet on Tiny ImageNet, to stand beside the quarter-scale ZFNet.

Command:  python -m zfkeras.train --config alexnet_quarter_tiny_imagenet
Data:     python -m zfkeras.download tiny-imagenet (248 MB; docs/data.md)
Hardware: two CPU cores, under an hour; `--mixed-precision bfloat16` if the CPU has it.
Expected: docs/results.md.

The recipe is `zfnet_quarter_tiny_imagenet`'s, but for the variant: 11x11 filters,
stride 4 in the first layer, normalisation before the pools.
"""

import dataclasses

from zfkeras.configs import zfnet_quarter_tiny_imagenet
from zfkeras.training.config import TrainConfig


def get_config() -> TrainConfig:
    """Returns the recipe of `zfnet_quarter_tiny_imagenet` for the other network."""
    config = zfnet_quarter_tiny_imagenet.get_config()
    return dataclasses.replace(
        config,
        name="alexnet_quarter_tiny_imagenet",
        model=dataclasses.replace(config.model, variant="alexnet_quarter"),
    )
