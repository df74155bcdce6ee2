"""One training step, for one device, many GPUs or many machines alike."""

import keras
import tensorflow as tf

from zfkeras.training.config import OptimizerConfig

_SUM = tf.distribute.ReduceOp.SUM


def make_optimizer(
    config: OptimizerConfig, mixed_precision: str | None
) -> keras.optimizers.Optimizer:
    """Makes SGD with momentum; with float16, its loss is scaled dynamically."""
    sgd = _SGD(config.learning_rate, momentum=config.momentum, name="sgd")
    if mixed_precision == "float16":
        return keras.optimizers.LossScaleOptimizer(sgd, name="loss_scale")
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
    sum by the number of images in it, and `optimizer.apply` sums over replicas.
    """
    replicas = strategy.num_replicas_in_sync
    must_agree = replicas > 1 and hasattr(optimizer, "inner_optimizer")

    def differentiate(images, labels, soft_labels, weights, total):
        with tf.GradientTape() as tape:
            probabilities = model(images, training=True)
            losses = _cross_entropy(labels, soft_labels, probabilities, label_smoothing)
            loss = tf.reduce_sum(losses * weights) / total
            penalty = _penalty(model, weight_decay) / replicas
            scaled = optimizer.scale_loss(loss + penalty)
        gradients = tape.gradient(scaled, model.trainable_variables)
        answers = tf.argmax(probabilities, axis=-1, output_type=labels.dtype)
        wrong = tf.reduce_sum(tf.cast(answers != labels, tf.float32) * weights)
        return loss, wrong, gradients

    if jit_compile and replicas > 1:  # XLA has no part in what replicas exchange
        differentiate = tf.function(
            differentiate, jit_compile=True, reduce_retracing=True
        )

    def replica_step(images, labels, soft_labels, good, total):
        if good is None:
            weights = tf.ones_like(labels, tf.float32)
        else:
            weights = tf.cast(good, tf.float32)
            context = tf.distribute.get_replica_context()
            total = context.all_reduce(_SUM, tf.reduce_sum(weights))
            total = tf.maximum(total, 1.0)
        loss, wrong, gradients = differentiate(
            images, labels, soft_labels, weights, total
        )
        if must_agree:
            gradients = _overflowing_together(gradients)
        optimizer.apply(gradients, model.trainable_variables)
        return tf.stack([loss, wrong, tf.reduce_sum(weights)])

    if jit_compile and replicas == 1:
        replica_step = tf.function(
            replica_step, jit_compile=True, reduce_retracing=True
        )

    @tf.function(reduce_retracing=True)
    def train_step(batch, batch_size):
        keys = ("image", "label", "soft_label", "good")
        per_replica = strategy.run(
            replica_step, args=(*map(batch.get, keys), batch_size)
        )
        return tuple(tf.unstack(strategy.reduce(_SUM, per_replica, axis=None)))

    return train_step


def _overflowing_together(gradients):
    """Makes gradients that are not finite in one replica not finite in any.

    Each replica's `LossScaleOptimizer` looks at its own gradients only: one would skip
    the step while the others wait for it, or take its infinities into their weights.
    """
    finite = [tf.reduce_all(tf.math.is_finite(gradient)) for gradient in gradients]
    overflow = tf.where(tf.reduce_all(finite), 0.0, 1.0)
    context = tf.distribute.get_replica_context()
    overflows = context.all_reduce(_SUM, overflow)
    # One gradient that is not finite is enough; the last is small.
    spoilt = gradients[-1] + tf.where(overflows > 0, float("nan"), 0.0)
    return [*gradients[:-1], spoilt]


def _penalty(model, weight_decay):
    """Returns half the weight decay times the sum of all squared weights."""
    if not weight_decay:
        return 0.0
    kernels = [v for v in model.trainable_variables if v.name == "kernel"]
    return weight_decay * tf.add_n([tf.nn.l2_loss(kernel.value) for kernel in kernels])


def _cross_entropy(labels, soft_labels, probabilities, label_smoothing):
    # Keras finds the softmax behind the probabilities and works on its logits.
    if soft_labels is None and not label_smoothing:
        return keras.losses.sparse_categorical_crossentropy(labels, probabilities)
    targets = tf.one_hot(labels, probabilities.shape[-1])
    if soft_labels is not None:
        targets = (targets + soft_labels) / 2
    return keras.losses.categorical_crossentropy(
        targets, probabilities, label_smoothing=label_smoothing
    )
