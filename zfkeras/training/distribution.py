"""Where a step runs: one device, or all GPUs of this machine."""

import tensorflow as tf

from zfkeras.errors import UsageError

STRATEGIES = ("single", "mirrored")


def make_strategy(name: str, batch_size: int) -> tf.distribute.Strategy:
    """Makes the distribution strategy of a run.

    Args:
        name: "single" for one device, "mirrored" for every local GPU (or, for trying
            it out, every logical CPU).
        batch_size: images in a step over all replicas.

    Raises:
        UsageError: unknown name, or a batch that the replicas cannot share evenly.
    """
    if name == "single":
        return tf.distribute.get_strategy()
    if name != "mirrored":
        raise UsageError(
            f"--strategy must be one of {', '.join(STRATEGIES)}. Received: {name!r}."
        )
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    strategy = tf.distribute.MirroredStrategy(
        [device.name for device in tf.config.list_logical_devices(kind)]
    )
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise UsageError(
            f"--batch-size must be a multiple of the {replicas} devices. "
            f"Received: {batch_size}."
        )
    return strategy
