"""The quarter-scale ZFNet on the built-in shapes: what `make demo` runs.

Command:  python -m zfkeras.train --config zfnet_shapes --workdir runs/demo
Hardware: two CPU cores.

No download: the images are generated. The recipe is the one for Tiny ImageNet.
"""

import dataclasses

from zfkeras.configs import zfnet_quarter_tiny_imagenet
from zfkeras.training.config import TrainConfig


def get_config() -> TrainConfig:
    """A short run on a small set."""
    base = zfnet_quarter_tiny_imagenet.get_config()
    return dataclasses.replace(
        base,
        name="zfnet_shapes",
        data=dataclasses.replace(
            base.data, source="shapes", validation_fraction=0.1, min_crop_area=None
        ),
        optimizer=dataclasses.replace(base.optimizer, learning_rate=0.03),
        epochs=12,
        batch_size=64,
        snapshot_epochs=(1, 2, 5, 12),
    )
