"""One experiment from source to results: what `python -m zfkeras.train` runs."""

import contextlib
import dataclasses
import functools
import logging
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.register import Source
from zfkeras.data.sources.prepared.cached import with_cached_squares
from zfkeras.errors import RunError
from zfkeras.io.invocation import command_line
from zfkeras.io.provenance import environment
from zfkeras.models.classifier import Classifier
from zfkeras.models.variants import find_variant
from zfkeras.training.config import TrainConfig
from zfkeras.training.distributed.feeding import feeds
from zfkeras.training.distributed.strategies import JOIN_SECONDS, make_strategy
from zfkeras.training.distributed.workers import Workers
from zfkeras.training.initial_weights import start_from
from zfkeras.training.loop import Loop
from zfkeras.training.mean_image import make_mean_image
from zfkeras.training.network import Network, build_model, build_network
from zfkeras.training.run_data import carved, describe_images, open_data
from zfkeras.training.workdir.folder import Workdir, flattened
from zfkeras.training.workdir.report import report

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Execution:
    """How a run is carried out, which does not change what it computes.

    Args:
        strategy: "single" (default), "mirrored" (all GPUs of this machine) or
            "multi-worker" (several machines; docs/distributed.md).
        jit_compile: whether XLA compiles the training step.
        deterministic: whether TensorFlow computes the same to the bit in each run.
        overwrite: whether a run that the workdir holds is deleted first.
        accept_other_images: whether a run may go on with images that have changed.
        join_seconds: how long workers wait for one another at the start.
    """

    strategy: str = "single"
    jit_compile: bool = False
    deterministic: bool = False
    overwrite: bool = False
    accept_other_images: bool = False
    join_seconds: float = JOIN_SECONDS


def run_experiment(
    config: TrainConfig,
    folder: str | Path,
    execution: Execution | None = None,
    source: Source | None = None,
    *,
    schedule: keras.optimizers.schedules.LearningRateSchedule | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> dict:
    """Trains, evaluates and writes everything into a workdir; resumes if it can.

    What `python -m zfkeras.train` does (Zeiler & Fergus 2014, sec. 3).

    Args:
        config: the experiment, such as `get_config` returns.
        folder: the workdir. A run that it holds, of the same settings and images, is
            taken up where it stopped.
        execution: how it is carried out: devices, XLA, determinism, whether to begin
            anew. `None` (default): on one device, without XLA.
        source: images in place of those that `config` names. `None` (default): those.
        schedule: learning rate by step, in place of `config.schedule`. `None`
            (default): that one.
        callbacks: called as by `keras.Model.fit`; the logs at the end of an epoch are
            the row of metrics.jsonl. Their own state is in no checkpoint.

    Returns:
        What results.json holds: top-1 and top-5 errors (0-1) of the validation and the
        held-out images, and the row of the last epoch.

    Raises:
        UsageError: a setting out of range, images that cannot be found or that do not
            fit it, or a workdir that holds another run.
        RunError: interrupted (all is saved), a loss that is not finite, too many
            unreadable images, or memory that does not suffice.
    """
    execution = execution or Execution()
    source = open_data(config, source)
    train, held_out = carved(config, source)
    workers = _start_workers(config, execution, train, source)
    workdir = Workdir(Path(folder))
    settings = config.to_json()
    if schedule is not None:
        settings["schedule"] = keras.optimizers.schedules.serialize(schedule)
    with workers.watched(), contextlib.ExitStack() as claim:
        # What can be refused is refused before the workdir remembers it.
        network = _network(config, source, workers, execution)

        def begin():
            claim.enter_context(workdir.claimed())
            workdir.start(
                settings,
                describe_images(source.class_names, train, held_out),
                overwrite=execution.overwrite,
                accept_other_images=execution.accept_other_images,
            )
            _announce(config, network.model, source, train, held_out, folder)

        workers.from_chief(begin)
        if workers.alone:  # several may lack a disk in common
            size = network.preprocessing.image_size
            squares = with_cached_squares(source.split("train"), size)
            splits = {**source.splits, "train": squares}
            train, held_out = carved(config, dataclasses.replace(source, splits=splits))
        bad_images = BadImages(
            source.split("train").num_examples, config.data.max_bad_fraction
        )
        mean_image = make_mean_image(
            workdir.path / "mean_image.npy",
            train,
            network.preprocessing.image_size,
            bad_images,
            workers,
        )
        network = network.with_mean_image(mean_image)
        loop = Loop(
            config=config,
            network=network,
            train=train,
            held_out=held_out,
            bad_images=bad_images,
            classifier=functools.partial(
                _classifier, config, settings, source, network
            ),
            workdir=workdir,
            workers=workers,
            keras_schedule=schedule,
            callbacks=callbacks,
        )
        loop.run()
        return report(loop, source)


def _announce(config, model, source, train, held_out, folder) -> None:
    """Logs what is trained, on which images, and where it is written."""
    logger.info(
        "training %s, %s parameters, from %s; epochs: %d",
        config.model.variant,
        f"{model.count_params():,}",
        config.model.weights or "random weights",
        config.epochs,
    )
    logger.info(
        "images: %s, %s to learn from and %s held out, %s classes",
        source.spec,
        f"{train.num_examples:,}",
        "none" if held_out is None else f"{held_out.num_examples:,}",
        f"{len(source.class_names):,}",
    )
    logger.info("workdir: %s", folder)
    if config.data.source == "shapes":
        logger.info(
            "these images are built in; to train on ImageNet as in the paper: "
            "python -m zfkeras.train --config zfnet_imagenet --data tfds:imagenet2012"
        )


def dry_run(config: TrainConfig, execution: Execution | None = None) -> float:
    """Builds everything and does one step; writes nothing.

    The mean image is left out: mid-grey stands in for it.
    """
    execution = execution or Execution()
    source = open_data(config)
    train, _ = carved(config, source)
    workers = _start_workers(config, execution, train, source)
    with workers.watched():
        network = _network(config, source, workers, execution)
        stream = feeds(
            config,
            network,
            train,
            workers=workers,
            epoch=0,
            start=0,
            bad_images=BadImages(train.num_examples, 1.0),
        )
        feed = next(stream, None)
        if feed is None:
            raise RunError("no training image could be read")
        size = tf.constant(feed.size, tf.float32)
        loss, *_ = network.train_step(feed.batch, size)
        return float(loss)


def _start_workers(config, execution, train, source) -> Workers:
    """Chooses where the run takes place; several workers must mean the same run."""
    request = {
        **flattened(config.to_json()),
        "training images": train.num_examples,
        "classes": list(source.class_names),
        "--jit": execution.jit_compile,
    }
    strategy = make_strategy(
        execution.strategy, config.batch_size, request, execution.join_seconds
    )
    keras.utils.set_random_seed(config.seed)
    if execution.deterministic:
        tf.config.experimental.enable_op_determinism()
    return Workers(strategy)


def _network(config, source, workers, execution) -> Network:
    """Builds the network, with mid-grey for a mean image and its first weights."""
    variant = find_variant(config.model.variant)
    preprocessing = Preprocessing(
        np.full((variant.image_size, variant.image_size, 3), 127.5, np.float32),
        variant.crop_size,
        config.data.input_scale,
        config.data.min_crop_area,
        max_reduction=config.data.max_reduction,
    )
    network = build_network(
        config,
        len(source.class_names),
        preprocessing,
        workers.strategy,
        jit_compile=execution.jit_compile,
    )
    start_from(config, network.model, source.class_names, workers)
    return network


def _classifier(config, settings, source, network: Network, errors) -> Classifier:
    """Returns the present weights in full precision, with all it takes to use them."""
    model = network.model
    if config.mixed_precision:
        model = build_model(config, len(source.class_names), "float32")
        model.set_weights(network.model.get_weights())
    made = {
        "config": settings,
        "command": command_line(),
        "environment": environment(),
        "errors": errors,
    }
    return Classifier(model, network.preprocessing, source.class_names, made)
