"""ZFNet with 512, 1024, 512 maps in layers 3, 4, 5, on ImageNet-2012 (Table 2, (b)).

Command:  python -m zfkeras.train --config zfnet_b_imagenet \
              --data tfds:imagenet2012 --workdir runs/zfnet_b
Hardware: as zfnet_imagenet, with about half as much again of memory and time.
Expected: validation top-1 error 37.5 %, top-5 16.0 %. Not run here.
"""

import dataclasses

from zfkeras.configs import zfnet_imagenet
from zfkeras.training.config import TrainConfig


def get_config() -> TrainConfig:
    """Returns the recipe of zfnet_imagenet on the wider network."""
    base = zfnet_imagenet.get_config()
    model = dataclasses.replace(base.model, variant="zfnet_b")
    return dataclasses.replace(base, name="zfnet_b_imagenet", model=model)
