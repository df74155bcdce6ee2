"""One experiment from source to results: what `python -m zfkeras.train` runs."""

import dataclasses
import logging
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from zfkeras.arrays import read_array, write_array
from zfkeras.data.bad_images import BadImages
from zfkeras.data.pipeline import compute_mean_image, training_batches
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.sources import Source, open_source
from zfkeras.data.splits import Split
from zfkeras.errors import RunError, UsageError
from zfkeras.files import warn_of_damage
from zfkeras.models.classifier import Classifier
from zfkeras.models.variants import find_variant
from zfkeras.provenance import command_line, environment
from zfkeras.render.training import draw_training_log
from zfkeras.training.config import TrainConfig, check
from zfkeras.training.distribution import make_strategy
from zfkeras.training.loop import Loop
from zfkeras.training.network import Network, build_model, build_network
from zfkeras.training.workdir import Workdir

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Execution:
    """How a run is carried out, which does not change what it computes.

    Args:
        strategy: "single" or "mirrored".
        jit_compile: compile the step with XLA.
        deterministic: make every operation repeatable to the bit, at some cost.
        overwrite: forget what the workdir holds.
    """

    strategy: str = "single"
    jit_compile: bool = False
    deterministic: bool = False
    overwrite: bool = False


def run_experiment(
    config: TrainConfig,
    folder: Path,
    execution: Execution | None = None,
    source: Source | None = None,
) -> dict:
    """Trains, evaluates and writes everything into a workdir; resumes if it can.

    Args:
        config: the experiment.
        folder: the workdir.
        execution: how to run it. `None` means one device with the defaults.
        source: the images. `None` (default): those that `config.data.source` names.

    Returns:
        The contents of results.json.

    Raises:
        UsageError, FileNotFoundError: the request cannot be carried out.
        RunError: the run failed.
    """
    execution = execution or Execution()
    source = _open(config, source)
    strategy = make_strategy(execution.strategy, config.batch_size)
    train, held_out = _carved(config, source)
    _fix_randomness(config.seed, execution.deterministic)
    # What can be refused is refused before the workdir remembers it.
    network = _network(config, source, strategy, execution)
    workdir = Workdir(folder)
    bad_images = BadImages(
        source.split("train").num_examples, config.data.max_bad_fraction
    )
    with workdir.claimed():
        workdir.start(config.to_json(), overwrite=execution.overwrite)
        size = network.preprocessing.image_size
        mean_image = _mean_image(workdir, train, size, bad_images)
        network = network.with_mean_image(mean_image)

        def classifier(errors: dict) -> Classifier:
            return _classifier(config, source, network, errors)

        loop = Loop(config, network, train, held_out, bad_images, classifier, workdir)
        loop.run()
        return _report(loop, source, classifier, workdir)


def dry_run(config: TrainConfig, execution: Execution | None = None) -> float:
    """Builds everything and does one step; writes nothing.

    The mean image is left out: mid-grey stands in for it.

    Returns:
        The loss of the step.
    """
    execution = execution or Execution()
    source = _open(config)
    strategy = make_strategy(execution.strategy, config.batch_size)
    train, _ = _carved(config, source)
    _fix_randomness(config.seed, execution.deterministic)
    network = _network(config, source, strategy, execution)
    batches = training_batches(
        train,
        network.preprocessing,
        config.batch_size,
        seed=config.seed,
        epoch=0,
        bad_images=BadImages(train.num_examples, 1.0),
    )
    batch = next(iter(strategy.experimental_distribute_dataset(batches.take(1))), None)
    if batch is None:
        raise RunError("no training image could be read")
    size = min(config.batch_size, train.num_examples)
    loss, _ = network.train_step(batch, tf.constant(size, tf.float32))
    return float(loss)


def _open(config: TrainConfig, source: Source | None = None) -> Source:
    check(config)
    find_variant(config.model.variant)
    source = source or open_source(config.data.source)
    source.check_one_class_each()
    if config.data.leave_out is not None:
        source = _without_listed(source, config.data.leave_out)
    if config.data.num_classes is None:
        return source
    return source.first_classes(config.data.num_classes)


def _without_listed(source: Source, path: str) -> Source:
    """Leaves out of the training images those that a file names, one a line."""
    with open(path, "rb") as file:
        names = {line.rstrip(b"\r\n") for line in file} - {b""}
    whole = source.split("train")
    kept = whole.without(names)
    if names and kept.num_examples == whole.num_examples:
        raise UsageError(
            f"data.leave_out must name training images of --data {source.spec}, one a "
            f"line. Received: {path}, which names none of them."
        )
    logger.info(
        "%d of %d training images are left out, which %s names",
        whole.num_examples - kept.num_examples,
        whole.num_examples,
        path,
    )
    return dataclasses.replace(source, splits={**source.splits, "train": kept})


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


def _carved(config: TrainConfig, source: Source) -> tuple[Split, Split | None]:
    """The images to learn from, and those held out of them to steer the annealing."""
    train = source.split("train")
    if train.num_examples == 0:
        raise UsageError(f"--data {source.spec} holds no training images.")
    if not config.data.validation_fraction:
        return train, None
    train, held_out = train.carve(config.data.validation_fraction, config.seed)
    if train.num_examples == 0:
        raise UsageError(
            f"data.validation_fraction={config.data.validation_fraction} leaves no "
            f"images of --data {source.spec} to learn from."
        )
    return train, held_out if held_out.num_examples else None


def _fix_randomness(seed, deterministic):
    keras.utils.set_random_seed(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()


def _mean_image(workdir: Workdir, train: Split, size: int, bad_images: BadImages):
    """The run's mean image, computed once and kept with it."""
    path = workdir.path / "mean_image.npy"
    if path.exists():
        try:
            mean_image = read_array(path)
            if mean_image.shape != (size, size, 3):
                raise ValueError(f"its shape is {mean_image.shape}")
            return mean_image
        except ValueError as err:
            warn_of_damage(path, err, "computing it anew")
    with tqdm(total=train.num_examples, desc="mean image", unit=" images") as bar:
        mean_image = compute_mean_image(train, size, bad_images, bar.update)
    write_array(path, mean_image)
    return mean_image


def _classifier(config, source, network: Network, errors) -> Classifier:
    """The present weights in full precision, with all it takes to use them."""
    model = network.model
    if config.mixed_precision:
        model = build_model(config, len(source.class_names), "float32")
        model.set_weights(network.model.get_weights())
    made = {
        "config": config.to_json(),
        "command": command_line(),
        "environment": environment(),
        "errors": errors,
    }
    return Classifier(model, network.preprocessing, source.class_names, made)


def _report(loop: Loop, source: Source, classifier, workdir: Workdir) -> dict:
    """Errors on the official validation set, the model file and results.json."""
    rows = workdir.read_metrics()
    results = {"epochs": rows[-1]["epoch"] if rows else 0, "last_epoch": rows[-1:]}
    bad_images = [loop.bad_images]
    validation = source.splits.get("validation")
    if validation is not None and validation.num_examples:
        # Held to the limit by itself: it is much smaller than the training set.
        limit = loop.bad_images.max_fraction
        bad_images.append(BadImages(validation.num_examples, limit))
        results["validation"] = loop.evaluate(validation, bad_images[-1])
    if loop.held_out is not None:
        results["held_out"] = loop.evaluate(loop.held_out, loop.bad_images)
    results["bad_images"] = _together(bad_images)
    path = workdir.path / "model.keras"
    classifier(
        {k: results[k] for k in ("validation", "held_out") if k in results}
    ).save(path)
    results["model"] = path.name
    workdir.write_results(results)
    if rows:
        draw_training_log(rows, workdir.path / "training.png", _title(loop.config))
    return results


def _title(config: TrainConfig) -> str:
    """What the picture of a run is headed with."""
    return f"{config.name}: {config.model.variant} on {config.data.source}"


def _together(tallies: list[BadImages]) -> dict:
    parts = [tally.to_json() for tally in tallies]
    images = {id: reason for part in parts for id, reason in part["images"].items()}
    return {"count": sum(part["count"] for part in parts), "images": images}
