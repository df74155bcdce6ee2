"""AlexNet on ImageNet-2012, trained by ZFNet's recipe (Tables 2 and 3, Fig. 6).

Command:  python -m zfkeras.train --config alexnet_imagenet \
              --data tfds:imagenet2012 --workdir runs/alexnet
Hardware: as zfnet_imagenet; about two thirds of its time.
Expected: validation top-1 error 40.5 %, top-5 18.1 % (the authors' replication). Not
          run here.
"""

import dataclasses

from zfkeras.configs import zfnet_imagenet
from zfkeras.training.config import TrainConfig


def get_config() -> TrainConfig:
    """Returns the recipe of zfnet_imagenet on AlexNet."""
    base = zfnet_imagenet.get_config()
    model = dataclasses.replace(base.model, variant="alexnet")
    return dataclasses.replace(base, name="alexnet_imagenet", model=model)
