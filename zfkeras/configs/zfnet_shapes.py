"""The quarter-scale ZFNet on the built-in shapes: what `make demo` runs.

Command:  python -m zfkeras.train --config zfnet_shapes --workdir runs/demo
Hardware: two CPU cores, about a minute.
Expected: validation top-1 error 11 % (docs/results.md).

No download: the images are generated. Against the recipe for Tiny ImageNet the run is
too short for what keeps a long one from overfitting (dropout, smoothed labels, scaled
crops).
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
        model=dataclasses.replace(base.model, dropout=0.0),
        data=dataclasses.replace(
            base.data, source="shapes", validation_fraction=0.1, min_crop_area=None
        ),
        optimizer=dataclasses.replace(
            base.optimizer, learning_rate=0.02, label_smoothing=0.0
        ),
        epochs=12,
        batch_size=64,
        snapshot_epochs=(1, 2, 5, 12),
    )
