"""The quarter-scale ZFNet on the built-in shapes: what `zfkeras.train` runs by default.

Command:  python -m zfkeras.train
Hardware: two CPU cores without AVX-512, two to three minutes.
Expected: validation top-1 error 4 %.

No download: the images are generated. The run starts from `quarter`, which was
trained on Tiny ImageNet, with a new softmax, because 3,240 images are too
few to learn filters from. `--weights random --epochs 12` starts from random weights:
the error is 19 % after three times as long, and the first-layer filters stay noise.
Dropout, smoothed labels and scaled crops, which the recipe for Tiny ImageNet has, are
left out: the run is too short to overfit.
"""

import dataclasses

from zfkeras.configs import zfnet_quarter_tiny_imagenet
from zfkeras.training.config import TrainConfig


def get_config() -> TrainConfig:
    """Returns a short run on a small set, from a trained network."""
    base = zfnet_quarter_tiny_imagenet.get_config()
    return dataclasses.replace(
        base,
        name="zfnet_shapes",
        model=dataclasses.replace(base.model, dropout=0.0, weights="quarter"),
        data=dataclasses.replace(
            base.data, source="shapes", validation_fraction=0.1, min_crop_area=None
        ),
        optimizer=dataclasses.replace(
            base.optimizer, learning_rate=0.02, label_smoothing=0.0
        ),
        epochs=4,
        batch_size=64,
        snapshot_epochs=(1, 2, 4),
    )
