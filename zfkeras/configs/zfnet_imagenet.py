"""ZFNet on ImageNet-2012: Zeiler & Fergus 2014, Fig. 3, trained as in sec. 3.

Command:  python -m zfkeras.train --config zfnet_imagenet --data tfds:imagenet2012 \
              --workdir runs/zfnet
Hardware: one or more GPUs (`--strategy mirrored`); the authors took 12 days on one
          GTX 580. Hours on today's: docs/imagenet.md. Not run here for want of
          ImageNet and a GPU.
Expected: validation top-1 error 38.4 %, top-5 16.5 % (Table 2, one network).

The recipe is the paper's. Where it is silent (docs/deviations.md): random crops and
flips in training, weight decay 5e-4 (Krizhevsky's), and a rule in place of annealing by
hand: a tenth of the rate when the held-out error has not fallen for five epochs.
"""

from zfkeras.training.config import (
    DataConfig,
    ModelConfig,
    OptimizerConfig,
    ScheduleConfig,
    TrainConfig,
)


def get_config() -> TrainConfig:
    """Returns the paper's recipe."""
    return TrainConfig(
        name="zfnet_imagenet",
        model=ModelConfig(
            variant="zfnet",
            kernel_initializer="paper",
            dropout=0.5,
            max_filter_rms=0.1,
        ),
        data=DataConfig(
            source="tfds:imagenet2012",
            validation_fraction=0.01,
            input_scale=1.0,
        ),
        optimizer=OptimizerConfig(
            learning_rate=0.01,
            momentum=0.9,
            weight_decay=5e-4,
        ),
        schedule=ScheduleConfig(
            kind="plateau",
            factor=0.1,
            patience_epochs=5,
        ),
        epochs=70,
        batch_size=128,
    )
