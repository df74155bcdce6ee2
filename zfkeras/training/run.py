"""One experiment from source to results: what `python -m zfkeras.train` runs."""

import contextlib
import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.pipeline import compute_mean_image
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.register import Source
from zfkeras.data.split import Split
from zfkeras.errors import RunError
from zfkeras.io.arrays import read_array, write_array
from zfkeras.io.files import warn_of_damage
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
from zfkeras.training.network import Network, build_model, build_network
from zfkeras.training.run_data import carved, describe_images, open_data
from zfkeras.training.workdir.folder import Workdir, flattened
from zfkeras.training.workdir.report import report

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Execution:
    """How a run is carried out, which does not change what it computes."""

    strategy: str = "single"
    jit_compile: bool = False
    deterministic: bool = False
    overwrite: bool = False
    accept_other_images: bool = False
    join_seconds: float = JOIN_SECONDS


def run_experiment(
    config: TrainConfig,
    folder: Path,
    execution: Execution | None = None,
    source: Source | None = None,
    *,
    schedule: keras.optimizers.schedules.LearningRateSchedule | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> dict:
    """Trains, evaluates and writes everything into a workdir; resumes if it can.

    Args:
        config: the experiment.
        folder: the workdir.
        execution: how it is carried out.
        source: images in place of those that `config` names.
        schedule: learning rate by step, in place of `config.schedule`.
        callbacks: called as by `keras.Model.fit`; the logs at the end of an epoch are
            the row of metrics.jsonl. Their own state is in no checkpoint.

    Returns:
        What results.json holds.
    """
    execution = execution or Execution()
    source = open_data(config, source)
    train, held_out = carved(config, source)
    strategy = _strategy(config, execution, train, source)
    workers = Workers(strategy)
    _fix_randomness(config.seed, execution.deterministic)
    workdir = Workdir(folder)
    bad_images = BadImages(
        source.split("train").num_examples, config.data.max_bad_fraction
    )
    with workers.watched(), contextlib.ExitStack() as claim:
        # What can be refused is refused before the workdir remembers it.
        network = _network(config, source, strategy, execution)
        start_from(config, network.model, source.class_names, workers)

        settings = config.to_json()
        if schedule is not None:
            settings["schedule"] = keras.optimizers.schedules.serialize(schedule)

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
        size = network.preprocessing.image_size
        mean_image = _mean_image(workdir, train, size, bad_images, workers)
        network = network.with_mean_image(mean_image)

        def classifier(errors: dict) -> Classifier:
            return _classifier(config, settings, source, network, errors)

        loop = Loop(
            config,
            network,
            train,
            held_out,
            bad_images,
            classifier,
            workdir,
            workers,
            schedule,
            callbacks,
        )
        loop.run()
        return report(loop, source, classifier)


def _announce(config, model, source, train, held_out, folder) -> None:
    """Says what is trained, on which images, and where it is written."""
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
    strategy = _strategy(config, execution, train, source)
    workers = Workers(strategy)
    _fix_randomness(config.seed, execution.deterministic)
    with workers.watched():
        network = _network(config, source, strategy, execution)
        start_from(config, network.model, source.class_names, workers)
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


def _strategy(config, execution, train, source) -> tf.distribute.Strategy:
    """Where the run takes place; several workers must mean the same run."""
    request = {
        **flattened(config.to_json()),
        "training images": train.num_examples,
        "classes": list(source.class_names),
        "--jit": execution.jit_compile,
    }
    return make_strategy(
        execution.strategy, config.batch_size, request, execution.join_seconds
    )


def _network(config, source, strategy, execution) -> Network:
    """The network, with mid-grey for a mean image."""
    variant = find_variant(config.model.variant)
    preprocessing = Preprocessing(
        np.full((variant.image_size, variant.image_size, 3), 127.5, np.float32),
        variant.crop_size,
        config.data.input_scale,
        config.data.min_crop_area,
    )
    return build_network(
        config,
        len(source.class_names),
        preprocessing,
        strategy,
        jit_compile=execution.jit_compile,
    )


def _fix_randomness(seed, deterministic):
    keras.utils.set_random_seed(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()


def _mean_image(
    workdir: Workdir,
    train: Split,
    size: int,
    bad_images: BadImages,
    workers: Workers,
):
    """The run's mean image, computed once, by all workers, and kept with it."""
    path, shape = workdir.path / "mean_image.npy", (size, size, 3)
    found = _read_mean_image(path, shape) if workers.is_chief else None
    if not workers.exchange(found is None)[0]:
        nothing = np.zeros(shape, np.float32)
        arrays = {"mean": nothing if found is None else found}
        return workers.arrays_from_chief(arrays, {"mean": nothing})["mean"]
    share = workers.share(train)
    with (
        workers.forbearing(bad_images),
        tqdm(
            total=share.num_examples,
            desc="mean image",
            unit=" images",
            disable=not workers.is_chief,
        ) as bar,
    ):
        mean_image = compute_mean_image(
            share, size, bad_images, bar.update, workers.sum
        )
    workers.from_chief(lambda: write_array(path, mean_image))
    return mean_image


def _read_mean_image(path: Path, shape) -> np.ndarray | None:
    """What a former run has kept, unless it is damaged."""
    if not path.exists():
        return None
    try:
        mean_image = read_array(path)
        if mean_image.shape != shape:
            raise ValueError(f"its shape is {mean_image.shape}")
        return mean_image
    except ValueError as err:
        warn_of_damage(path, err, "computing it anew")
        return None


def _classifier(config, settings, source, network: Network, errors) -> Classifier:
    """The present weights in full precision, with all it takes to use them."""
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
