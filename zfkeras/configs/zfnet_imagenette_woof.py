"""The paper's network on twenty ImageNet classes: Imagenette and Imagewoof joined.

Command:  python -m zfkeras.train --config zfnet_imagenette_woof \
              --data folder:imagenette-woof --workdir runs/zfnet_20
          where imagenette-woof/train and /val hold both sets' class folders.
Hardware: two CPU cores, days; a GPU, under an hour (estimated, not run).
Expected: not measured yet. A probe of five epochs reached a validation top-1 error of
          57 % (chance: 95 %).

18,494 training and 7,854 validation photographs. The recipe is that of
`zfnet_imagenet`, which is the paper's; only data, epochs and snapshots differ.
"""

import dataclasses

from zfkeras.configs import zfnet_imagenet
from zfkeras.training.config import TrainConfig


def get_config() -> TrainConfig:
    """Returns the paper's recipe on photographs that are public."""
    base = zfnet_imagenet.get_config()
    return dataclasses.replace(
        base,
        name="zfnet_imagenette_woof",
        data=dataclasses.replace(
            base.data, source="folder:imagenette-woof", validation_fraction=0.05
        ),
        epochs=60,
        checkpoint_steps=35,
        snapshot_epochs=(1, 2, 5, 10, 20, 40, 60),
    )
