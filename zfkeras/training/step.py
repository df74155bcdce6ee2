"""One training step, for one device, many GPUs or many machines alike."""

import keras
import tensorflow as tf

from zfkeras.training.config import OptimizerConfig


def make_optimizer(
    config: OptimizerConfig, mixed_precision: str | None
) -> keras.optimizers.Optimizer:
    """SGD with momentum; with float16, its loss is scaled dynamically.

    Args:
        config: rates.
        mixed_precision: "float16", "bfloat16" or `None`.
    """
    sgd = _SGD(config.learning_rate, momentum=config.momentum, name="sgd")
    if mixed_precision == "float16":
        return keras.optimizers.LossScaleOptimizer(sgd)
    return sgd


class _SGD(keras.optimizers.SGD):
    """Keras's SGD, whose velocity and weights one operation updates, not five."""

    def update_step(self, gradient, variable, learning_rate):
        if not self.momentum:
            super().update_step(gradient, variable, learning_rate)
            return
        velocity = self.momentums[self._get_variable_index(variable)]
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=velocity.value.handle,
            lr=tf.cast(learning_rate, variable.dtype),
            grad=tf.cast(gradient, variable.dtype),
            momentum=tf.cast(self.momentum, variable.dtype),
        )


def make_train_step(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    strategy: tf.distribute.Strategy,
    *,
    label_smoothing: float = 0.0,
    weight_decay: float = 0.0,
    jit_compile: bool = False,
):
    """Builds the compiled step.

    Gradients are those of the mean loss over the global batch: each replica divides its
    sum by the global batch size, and `optimizer.apply` sums over replicas.

    Args:
        model: ends in a softmax.
        optimizer: built for the model's variables.
        strategy: where it runs; model and optimizer were made in its scope.
        label_smoothing: share of the target spread over all classes.
        weight_decay: half of it times the squared weights (not biases) is part of what
            is minimised, so that it enters the velocity as in Krizhevsky 2012, sec. 5;
            the loss that is returned is without it.
        jit_compile: compile the step with XLA.

    Returns:
        A function of a global batch {"image", "label"} and its size (float32 scalar)
        that returns scalar tensors (mean loss, wrong answers).
    """

    @tf.function(jit_compile=jit_compile, reduce_retracing=True)
    def replica_step(images, labels, batch_size):
        with tf.GradientTape() as tape:
            probabilities = model(images, training=True)
            losses = _cross_entropy(labels, probabilities, label_smoothing)
            loss = tf.reduce_sum(losses) / batch_size
            penalty = _penalty(model, weight_decay) / strategy.num_replicas_in_sync
            scaled = optimizer.scale_loss(loss + penalty)
        gradients = tape.gradient(scaled, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        answers = tf.argmax(probabilities, axis=-1, output_type=labels.dtype)
        wrong = tf.reduce_sum(tf.cast(answers != labels, tf.float32))
        return loss, wrong

    @tf.function(reduce_retracing=True)
    def train_step(batch, batch_size):
        per_replica = strategy.run(
            replica_step, args=(batch["image"], batch["label"], batch_size)
        )
        return tuple(
            strategy.reduce(tf.distribute.ReduceOp.SUM, value, axis=None)
            for value in per_replica
        )

    return train_step


def _penalty(model, weight_decay):
    """Half the weight decay times the sum of all squared weights."""
    if not weight_decay:
        return 0.0
    kernels = [v for v in model.trainable_variables if v.name == "kernel"]
    return weight_decay * tf.add_n([tf.nn.l2_loss(kernel.value) for kernel in kernels])


def _cross_entropy(labels, probabilities, label_smoothing):
    # Keras finds the softmax behind the probabilities and works on its logits.
    if not label_smoothing:
        return keras.losses.sparse_categorical_crossentropy(labels, probabilities)
    return keras.losses.categorical_crossentropy(
        tf.one_hot(labels, probabilities.shape[-1]),
        probabilities,
        label_smoothing=label_smoothing,
    )
