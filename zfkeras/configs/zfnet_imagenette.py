"""The paper's network on Imagenette's ten classes of ImageNet: a first run on a GPU.

Command:  python -m zfkeras.train --config zfnet_imagenette --workdir runs/zfnet_10
          TensorFlow Datasets downloads the photographs, 326 MiB, when it is run.
Hardware: a GPU, well under an hour (estimated, not run).
Expected: a validation top-1 error below 20 % (chance: 90 %). It was not run itself.
          The network of `zfnet_imagenette_woof`, after 20 of its 60 epochs, errs on
          19.4 % of the same 3,925 validation photographs if only these ten classes are
          compared; it learnt from them and from ten breeds of dogs.

9,469 training and 3,925 validation photographs. The recipe is the paper's, as in
`zfnet_imagenet`.
"""

import dataclasses

from zfkeras.configs import zfnet_imagenette_woof
from zfkeras.training.config import TrainConfig


def get_config() -> TrainConfig:
    """Returns the paper's recipe on ten public classes."""
    base = zfnet_imagenette_woof.get_config()
    data = dataclasses.replace(base.data, source="tfds:imagenette/320px-v2")
    return dataclasses.replace(base, name="zfnet_imagenette", data=data)
