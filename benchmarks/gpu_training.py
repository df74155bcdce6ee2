"""Training steps and epochs at both scales, for `benchmarks.gpu_check`."""

import dataclasses
import itertools
import json
import multiprocessing
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks.growth_runs import peak_memory
from benchmarks.photographs import write_photographs
from benchmarks.timing import interleaved
from zfkeras.configs import get_config
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.register import open_source
from zfkeras.data.sources.prepared.preparing import prepare
from zfkeras.models.variants import find_variant
from zfkeras.training.network import build_network
from zfkeras.training.run import Execution, run_experiment

FAILED = "failed"


PRECISIONS = ("float32", "float16", "bfloat16")
QUARTER, PAPER = "zfnet_quarter_tiny_imagenet", "zfnet_imagenet"


@dataclasses.dataclass(frozen=True)
class Scale:
    """A network, and how much is measured of it."""

    config: str
    batch_size: int
    steps: int  # of each timing
    images: int  # whose answers are compared
    squares: int  # prepared, to be trained on


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much is measured; the order is that of `PRECISIONS`."""

    scales: tuple[Scale, ...]
    precisions: tuple[str, ...] = PRECISIONS
    repeats: int = 3


SIZES = {
    "gpu": Sizes((Scale(QUARTER, 128, 20, 64, 16384), Scale(PAPER, 128, 20, 32, 4096))),
    "cpu": Sizes((Scale(QUARTER, 16, 2, 8, 256), Scale(PAPER, 4, 1, 2, 32)), repeats=2),
    "smallest": Sizes((Scale(QUARTER, 2, 1, 2, 8),), ("float32",), repeats=2),
}


def time_steps(scale: Scale, sizes: Sizes) -> Iterator[dict]:
    """Times steps of training in each precision, with XLA and without.

    Each in a process of its own: TensorFlow keeps the weights of networks that are
    gone, and one that runs out of memory must not end the others.
    """
    context = multiprocessing.get_context("spawn")
    for precision, jit in itertools.product(sizes.precisions, (False, True)):
        row: dict[str, Any] = {"network": scale.config, "batch_size": scale.batch_size}
        row |= {"precision": precision, "jit": jit}
        with ProcessPoolExecutor(1, context) as pool:
            timing = pool.submit(_time_steps, scale, sizes.repeats, precision, jit)
            try:
                row |= timing.result()
            except BrokenProcessPool as err:
                row[FAILED] = str(err)
        yield row


def _time_steps(scale, repeats, precision, jit) -> dict:
    """Times steps of a network, or tells why it cannot be trained."""
    try:
        steps = _steps(build(scale, precision, jit), scale)
        time = interleaved({"steps": steps}, repeats, warmup=1)["steps"]
    except tf.errors.OpError as err:
        return {FAILED: f"{type(err).__name__}: {str(err)[:300]}"}
    return {
        "images_per_second": scale.steps * scale.batch_size / time.median,
        "seconds": dataclasses.asdict(time),
        "peak_memory": _peak_memory(),
    }


def _steps(network, scale):
    """Makes what runs some steps, and waits for the loss of the last."""
    preprocessing, count = network.preprocessing, scale.batch_size
    random = np.random.default_rng(0)
    shape = (count, *preprocessing.image_shape)
    windows = [preprocessing.training_window((0, 0, n)) for n in range(count)]
    windows = np.array(windows, np.float32)
    batch = {
        "image": tf.constant(random.integers(0, 256, shape, np.uint8)),
        "window": tf.constant(windows),
        "label": tf.range(count, dtype=tf.int64) % network.model.output_shape[-1],
    }
    size = tf.constant(count, tf.float32)

    def steps():
        for _ in range(scale.steps):
            loss, *_ = network.train_step(network.training_inputs(batch), size)
        return float(loss)

    return steps


def train_from_squares(scale: Scale, has_gpu: bool) -> dict:
    """Trains three epochs on prepared squares; tells how the last one went."""
    config = _config(scale, "bfloat16" if has_gpu else "float32")
    side = build(scale, "float32").preprocessing.image_size
    with tempfile.TemporaryDirectory() as folder:
        files, squares = Path(folder, "files"), Path(folder, "squares")
        write_photographs(files / "train", scale.squares, (side, side))
        prepare(open_source(f"folder:{files}"), squares, side)
        data = dataclasses.replace(
            config.data, source=f"prepared:{squares}", validation_fraction=0.0
        )
        changes = {"epochs": 3, "snapshot_epochs": (), "checkpoint_steps": 10**6}
        config = dataclasses.replace(config, data=data, **changes)
        run = Path(folder, "run")
        run_experiment(config, run, Execution(jit_compile=has_gpu))
        *_, last = (run / "metrics.jsonl").read_text().splitlines()
    row = {"network": scale.config, "squares": scale.squares, "jit": has_gpu}
    row |= {"precision": config.mixed_precision or "float32"}
    shown = ("images_per_second", "input_share")
    return row | {key: json.loads(last)[key] for key in shown}


def _config(scale, precision):
    config = get_config(scale.config)
    return dataclasses.replace(
        config,
        batch_size=scale.batch_size,
        mixed_precision=None if precision == "float32" else precision,
        # Too small to diverge: what is learnt is of no interest.
        optimizer=dataclasses.replace(config.optimizer, learning_rate=1e-4),
        model=dataclasses.replace(config.model, kernel_initializer="he_normal"),
    )


def build(scale, precision, jit=False):
    """Builds the network as `zfkeras.train` does, with random weights."""
    keras.utils.set_random_seed(0)
    config = _config(scale, precision)
    variant = find_variant(config.model.variant)
    mean = np.full((variant.image_size, variant.image_size, 3), 127.5, np.float32)
    preprocessing = Preprocessing(
        mean, variant.crop_size, config.data.input_scale, config.data.min_crop_area
    )
    classes = 200 if scale.config == QUARTER else 1000
    strategy = tf.distribute.get_strategy()
    network = build_network(config, classes, preprocessing, strategy, jit_compile=jit)
    network.set_rate(1e-4)
    return network


def _peak_memory() -> int | None:
    """Returns the bytes of the first GPU in use at the peak, or else of the process."""
    if tf.config.list_physical_devices("GPU"):
        return tf.config.experimental.get_memory_info("GPU:0")["peak"]
    return peak_memory() if sys.platform == "linux" else None
