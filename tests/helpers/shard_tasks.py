"""Computes shards in tests of workers; other processes import these functions."""

import functools
import os
import signal
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tests.helpers.splits import noise_split, split_of
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.errors import RunError

SIDE = 8
PLAIN = Preprocessing(np.zeros((SIDE, SIDE, 3), np.float32), SIDE)
NAMES = ("answers", "positions", "process")
open_noise = functools.partial(noise_split, 10, SIDE)


def tiny_network() -> keras.Model:
    """A network of three classes for `PLAIN`."""
    layers = [keras.layers.Flatten(), keras.layers.Dense(3, "softmax")]
    return keras.Sequential([keras.Input((SIDE, SIDE, 3)), *layers])


def open_broken():
    """Ten images that cannot be read."""
    return split_of([b"no image"] * 10)


def prepare(model):
    """Makes what computes a network's answers, and tells of the process it runs in."""

    def compute(batches):
        for batch in batches:
            threads = tf.config.threading.get_intra_op_parallelism_threads()
            yield {
                "answers": model(batch["image"]).numpy(),
                "positions": batch["position"].numpy(),
                "process": np.array([[os.getpid(), threads, memory_limit()]]),
            }

    return compute


def memory_limit() -> int:
    """Returns the bytes at which Dask restarts this worker; 0 means never."""
    from distributed import get_worker

    try:
        return get_worker().memory_manager.memory_limit or 0
    except ValueError:  # this is no worker
        return 0


def prepare_with(model, act):
    """Does what `prepare` does; calls `act(position)` before each batch."""
    compute = prepare(model)

    def acting(batches):
        for batch in batches:
            act(int(batch["position"][0]))
            yield from compute([batch])

    return acting


def die_once(position, marker: Path, at=4):
    """Kills its own process at one image, the first time."""
    if position == at and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def die(position, at=4):
    """Kills its own process at one image, whenever."""
    if position == at:
        os.kill(os.getpid(), signal.SIGKILL)


def fail(position, at=4):
    """Finds at one image that the network is to blame."""
    if position == at:
        raise RunError("the network is to blame", argument="network")


def stumble(position, at=4):
    """Fails at one image in a way that nobody has thought of."""
    if position == at:
        raise OSError("a disk has gone")


def wait_for(position, marker: Path, at=4):
    """Waits at one image until a file is there, a minute at most."""
    end = time.monotonic() + 60
    while position == at and not marker.exists() and time.monotonic() < end:
        time.sleep(0.1)
