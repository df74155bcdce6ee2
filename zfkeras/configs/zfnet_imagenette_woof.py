"""The paper's network on twenty ImageNet classes: Imagenette and Imagewoof joined.

Command:  python -m zfkeras.train --config zfnet_imagenette_woof \
              --data folder:imagenette-woof --workdir runs/zfnet_20
          where imagenette-woof/train and /val hold both sets' class folders.
Hardware: two CPU cores with bfloat16 units, 48 images/s, 6.3 minutes an epoch; a GPU,
          under an hour for all (estimated, not run).
Expected: after 20 epochs a validation top-1 error of 31.1 %, top-5 6.7 % (chance: 95
          and 75 %); docs/paper_scale.md. The further epochs are not run yet.

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
