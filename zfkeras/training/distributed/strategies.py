"""Where a step runs: one device, all GPUs of this machine, or many machines."""

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Iterator, Mapping

import tensorflow as tf

from zfkeras.errors import UsageError
from zfkeras.training.distributed.cluster import Cluster, read_cluster
from zfkeras.training.distributed.rendezvous import meet

logger = logging.getLogger(__name__)

STRATEGIES = ("single", "mirrored", "multi-worker")

# How long to wait for the other workers, by default.
JOIN_SECONDS = 600.0
# TensorFlow connects workers that have met in a second or two.
_CONNECT_SECONDS = 120


def make_strategy(
    name: str,
    batch_size: int,
    request: Mapping | None = None,
    join_seconds: float = JOIN_SECONDS,
) -> tf.distribute.Strategy:
    """Makes the distribution strategy of a run."""
    if name == "single":
        return tf.distribute.get_strategy()
    if name == "multi-worker":
        return _multi_worker(batch_size, request or {}, join_seconds)
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


def _multi_worker(batch_size, request, join_seconds):
    cluster = read_cluster()
    workers = len(cluster.addresses)
    # Not the logical ones: to list them would start TensorFlow before its time.
    devices = max(1, len(tf.config.list_physical_devices("GPU")))
    if batch_size % (workers * devices):
        raise UsageError(
            f"--batch-size must be a multiple of the {workers} workers times the "
            f"{devices} devices each has. Received: {batch_size}."
        )
    logger.info(
        "%s of %d; waiting for the others up to %g s",
        cluster.name(cluster.index),
        workers,
        join_seconds,
    )
    known = {"devices": devices, "TF_CONFIG workers": list(cluster.addresses)}
    meet(cluster, {**request, **known}, join_seconds)
    # It tells each thing it sums, twice.
    logging.getLogger("tensorflow").setLevel(logging.WARNING)
    with _bounded(cluster):
        return tf.distribute.MultiWorkerMirroredStrategy()


@contextlib.contextmanager
def _bounded(cluster: Cluster) -> Iterator[None]:
    """Ends the process if TensorFlow does not come back, which hears no signal."""

    def give_up():
        print(
            f"error: {cluster.name(cluster.index)} could not connect to the others "
            f"within {_CONNECT_SECONDS} s, although all were there; start all again.",
            file=sys.stderr,
            flush=True,
        )
        os._exit(1)

    timer = threading.Timer(_CONNECT_SECONDS, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
