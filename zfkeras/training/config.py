"""What a training run is made of, as data, and `--set` on top of it."""

import dataclasses
import json
import math
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from zfkeras.errors import UsageError


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """The network.

    Args:
        variant: a key of `zfkeras.models.variants.VARIANTS`.
        kernel_initializer: "paper", N(0, 0.01^2), or a Keras initialiser's name.
        dropout: share of fc6 and fc7 dropped in training.
        max_filter_rms: bound on each filter's root mean square. `None`: no bound.
        weights: a preset's name or the path of a `.keras` file to start from; the
            softmax is made anew if the file is for other classes. `None`: random
            weights.
    """

    variant: str = "zfnet"
    kernel_initializer: str = "paper"
    dropout: float = 0.5
    max_filter_rms: float | None = 0.1
    weights: str | None = None


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """The images.

    Args:
        source: spec string, such as "tfds:imagenet2012"; `--data` replaces it.
        validation_fraction: share of the training images held out to steer the
            annealing. The official validation set is only reported on.
        input_scale: factor on the mean-subtracted images. 1 is the paper's.
        min_crop_area: smallest share of the image's area that a training crop may show,
            scaled to the crop's size. `None`: crops keep the image's scale, as in the
            paper.
        max_reduction: blurs each training crop as if the image had been reduced up to
            so many times. `None`: crops are as sharp as the image.
        num_classes: how many classes to keep, the first ones. `None`: all.
        max_bad_fraction: share of unreadable images past which the run stops.
        leave_out: path of a text file that names training images not to learn from, one
            a line, such as transfer.overlap writes. `None`: all are learnt from.
        soft_labels: path of a .npz file of what a larger network answers for each
            training image: `ids`, bytes (n,), and `probabilities`, float (n, classes).
            An image's target is the mean of its label and its row there, as Hinton,
            Vinyals & Dean 2015 distil networks. `None`: the label alone.
    """

    source: str = "tfds:imagenet2012"
    validation_fraction: float = 0.01
    input_scale: float = 1.0
    min_crop_area: float | None = None
    max_reduction: float | None = None
    num_classes: int | None = None
    max_bad_fraction: float = 0.01
    leave_out: str | None = None
    soft_labels: str | None = None


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """Stochastic gradient descent with momentum.

    Args:
        learning_rate: the first, or highest, rate.
        momentum: of the velocity.
        weight_decay: half of it times the squared weights (not biases) is added to
            the loss. 0 is the paper's.
        label_smoothing: share of the target spread over all classes. 0 is the paper's.
    """

    learning_rate: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 0.0
    label_smoothing: float = 0.0


@dataclasses.dataclass(frozen=True)
class ScheduleConfig:
    """How the learning rate falls.

    Args:
        kind: "plateau" (divide when the validation error stops falling, the paper's
            annealing by hand) or "cosine" (to zero over the run, for short runs).
        warmup_epochs: epochs over which the rate first rises from zero.
        factor: plateau only: what the rate is multiplied by.
        patience_epochs: plateau only: epochs without a new best error to wait.
        minimum_rate: plateau only: the rate never falls below it.
    """

    kind: str = "plateau"
    warmup_epochs: float = 0.0
    factor: float = 0.1
    patience_epochs: int = 5
    minimum_rate: float = 1e-5


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """One experiment.

    Args:
        name: name of the configuration.
        model: the network.
        data: the images.
        optimizer: the update.
        schedule: the learning rate.
        epochs: passes over the training images.
        batch_size: images in a step, over all replicas.
        seed: of weights, order, crops and dropout.
        checkpoint_steps: steps between checkpoints inside an epoch; each epoch ends in
            one, too.
        snapshot_epochs: epochs after which a `.keras` file is kept (Fig. 4).
        mixed_precision: "float16", "bfloat16" or `None` for float32 throughout.
    """

    name: str
    model: ModelConfig = ModelConfig()
    data: DataConfig = DataConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    epochs: int = 70
    batch_size: int = 128
    seed: int = 0
    checkpoint_steps: int = 1000
    snapshot_epochs: tuple[int, ...] = (1, 2, 5, 10, 20, 30, 40, 64)
    mixed_precision: str | None = None

    def to_json(self) -> dict:
        """Returns the configuration as plain JSON values."""
        return json.loads(json.dumps(dataclasses.asdict(self)))


def with_overrides(config: TrainConfig, assignments: Sequence[str]) -> TrainConfig:
    """Applies `--set KEY=VALUE` words, such as "optimizer.learning_rate=0.02"."""
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals:
            raise UsageError(
                argument="--set", received=assignment, expected="KEY=VALUE"
            )
        config = _replaced(config, key, text, f"--set {key}")
    return config


def with_values(config: TrainConfig, values: Mapping[str, Any]) -> TrainConfig:
    """Changes the settings of these keys; a value of `None` changes nothing."""
    given = [f"{key}={value}" for key, value in values.items() if value is not None]
    return with_overrides(config, given)


# Key -> what its value must satisfy, and that in words. `None` is left alone.
_LIMITS = {
    "batch_size": (lambda v: v >= 1, "at least 1"),
    "epochs": (lambda v: v >= 1, "at least 1"),
    "checkpoint_steps": (lambda v: v >= 1, "at least 1"),
    "seed": (lambda v: 0 <= v < 2**32, "from 0 to 4294967295"),
    "mixed_precision": (lambda v: v in ("float16", "bfloat16"), "float16 or bfloat16"),
    "model.dropout": (lambda v: 0 <= v < 1, "from 0 to below 1"),
    "model.max_filter_rms": (lambda v: 0 < v < math.inf, "above 0 and finite"),
    "data.validation_fraction": (lambda v: 0 <= v < 1, "from 0 to below 1"),
    "data.input_scale": (lambda v: 0 < v < math.inf, "above 0"),
    "data.min_crop_area": (lambda v: 0 < v <= 1, "above 0 and at most 1"),
    "data.max_reduction": (lambda v: 1 < v < math.inf, "above 1"),
    "data.max_bad_fraction": (lambda v: 0 <= v <= 1, "from 0 to 1"),
    "optimizer.learning_rate": (lambda v: 0 < v < math.inf, "above 0"),
    "optimizer.momentum": (lambda v: 0 <= v < 1, "from 0 to below 1"),
    "optimizer.weight_decay": (lambda v: 0 <= v < math.inf, "at least 0"),
    "optimizer.label_smoothing": (lambda v: 0 <= v < 1, "from 0 to below 1"),
    "schedule.kind": (lambda v: v in ("plateau", "cosine"), "plateau or cosine"),
    "schedule.warmup_epochs": (lambda v: 0 <= v < math.inf, "at least 0"),
    "schedule.factor": (lambda v: 0 < v < 1, "between 0 and 1"),
    "schedule.patience_epochs": (lambda v: v >= 1, "at least 1"),
    "schedule.minimum_rate": (lambda v: v >= 0, "at least 0"),
    "snapshot_epochs": (lambda v: all(n >= 1 for n in v), "whole numbers from 1"),
}


def check(config: TrainConfig) -> None:
    """Checks that every setting is in its range."""
    for key, (holds, words) in _LIMITS.items():
        value = config
        for part in key.split("."):
            value = getattr(value, part)
        if value is not None and not holds(value):
            raise UsageError(argument=key, received=value, expected=words)


def keys_of(config) -> list[str]:
    """Returns every key that `--set` takes, sorted."""
    found = []
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            found += [f"{field.name}.{key}" for key in keys_of(value)]
        else:
            found.append(field.name)
    return sorted(found)


def _replaced(config, key, text, flag):
    if key not in keys_of(config):
        raise UsageError(
            argument="--set key",
            received=key,
            expected=f"one of {', '.join(keys_of(config))}",
        )
    section, dot, rest = key.partition(".")
    if dot:
        inner = _replaced(getattr(config, section), rest, text, flag)
        return dataclasses.replace(config, **{section: inner})
    return dataclasses.replace(config, **{key: _parsed(config, key, text, flag)})


def _parsed(config, key, text, flag):
    """Reads `text` as the type the field was declared with."""
    wanted = typing.get_type_hints(type(config))[key]
    if isinstance(wanted, types.UnionType):
        if text in ("null", "None", "none"):
            return None
        wanted = typing.get_args(wanted)[0]
    try:
        if wanted is str:
            return text
        if typing.get_origin(wanted) is tuple:
            return tuple(int(part) for part in text.split(",") if part)
        return wanted(text)
    except ValueError as err:
        kind = {int: "a whole number", float: "a number"}.get(
            wanted, "whole numbers with commas between"
        )
        raise UsageError(argument=flag, received=text, expected=kind) from err
