"""The network of a run: model, optimizer and compiled step, where they belong."""

import dataclasses
import functools
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from zfkeras.data.in_graph.crops import training_crops
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.models.classifier import predict_crops
from zfkeras.models.zfnet import ZFNet
from zfkeras.training.config import TrainConfig
from zfkeras.training.distributed.dropout import share_masks
from zfkeras.training.step import make_optimizer, make_train_step


@dataclasses.dataclass(frozen=True, eq=False)
class Network:
    """What a loop trains."""

    model: keras.Model
    optimizer: keras.optimizers.Optimizer
    train_step: Callable
    strategy: tf.distribute.Strategy
    preprocessing: Preprocessing

    def with_mean_image(self, mean_image: np.ndarray) -> "Network":
        """Returns the same network for images from which this mean is subtracted."""
        preprocessing = dataclasses.replace(self.preprocessing, mean_image=mean_image)
        return dataclasses.replace(self, preprocessing=preprocessing)

    def predict(self, crops: np.ndarray) -> np.ndarray:
        """Probabilities by the present weights, in this process alone.

        `crops`: float32 (n, crop, crop, 3), preprocessed.
        Returns float32 array (n, classes).
        """
        if isinstance(self.strategy, tf.distribute.MultiWorkerMirroredStrategy):
            return self._forward(crops).numpy()
        return predict_crops(self.model, crops)

    @functools.cached_property
    def training_inputs(self) -> Callable[[dict], dict]:
        """Makes, on each replica, the network's input of its part of a batch."""
        # XLA fuses all of it into one loop, which takes a third of the time on CPUs.
        crop = tf.function(
            functools.partial(training_crops, self.preprocessing),
            jit_compile=True,
            reduce_retracing=True,
        )

        def prepare(batch):
            return {**batch, "image": crop(batch["image"], batch["window"])}

        @tf.function(reduce_retracing=True)
        def training_inputs(batch):
            return self.strategy.run(prepare, args=(batch,))

        return training_inputs

    @functools.cached_property
    def _forward(self):
        # Keras's own has all workers answer together, each for the same images.
        return tf.function(
            lambda crops: self.model(crops, training=False), reduce_retracing=True
        )

    def set_rate(self, rate: float) -> None:
        """Sets the learning rate of the next step."""
        optimizer = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        optimizer.learning_rate.assign(rate)


def build_model(config: TrainConfig, num_classes: int, dtype: str) -> keras.Model:
    """Builds the network a configuration describes."""
    return ZFNet(
        num_classes,
        variant=config.model.variant,
        kernel_initializer=config.model.kernel_initializer,
        dropout=config.model.dropout,
        max_filter_rms=config.model.max_filter_rms,
        dtype=dtype,
    )


def build_network(
    config: TrainConfig,
    num_classes: int,
    preprocessing: Preprocessing,
    strategy: tf.distribute.Strategy,
    *,
    jit_compile: bool = False,
) -> Network:
    """Builds model, optimizer and step in the strategy's scope."""
    precision = config.mixed_precision
    dtype = f"mixed_{precision}" if precision else "float32"
    with strategy.scope():
        model = build_model(config, num_classes, dtype)
        optimizer = make_optimizer(config.optimizer, precision)
        optimizer.build(model.trainable_variables)
    share_masks(model, strategy)
    step = make_train_step(
        model,
        optimizer,
        strategy,
        label_smoothing=config.optimizer.label_smoothing,
        weight_decay=config.optimizer.weight_decay,
        jit_compile=jit_compile,
    )
    return Network(model, optimizer, step, strategy, preprocessing)
