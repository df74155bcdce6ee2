"""The settings that several commands share; each function makes one field."""

import dataclasses
from pathlib import Path
from typing import Any

from zfkeras.cli.arguments import (
    DATA_HELP,
    DEFAULT_MODEL,
    INPUTS,
    MODEL_HELP,
    fraction,
    layer,
    layers,
    positive_int,
    seed,
)
from zfkeras.records import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReadingSettings:
    """What a plain Keras file does not say of its network, for `zfkeras.load`."""

    inputs: str | None = setting(
        None,
        choices=INPUTS,
        help="values that the network of a plain Keras file reads: a mode of "
        "keras.applications (caffe, tf, torch) or a range; write --inputs=-1..1 with "
        "the sign (default: 0..255, if it begins with a Rescaling or Normalization)",
    )
    outputs: str | None = setting(
        None,
        choices=("logits", "probabilities"),
        help="what it answers with; logits get a softmax (default: what its last "
        "layer or its compiled loss says)",
    )
    class_names: Path | None = setting(
        None,
        type=Path,
        metavar="FILE",
        help="names of its classes, one a line (default: they are numbered)",
    )
    output: str | None = setting(
        None, metavar="NAME", help="which of its outputs is meant, if it has several"
    )
    imports: tuple[str, ...] = setting(
        (),
        flag="--import",
        action="append",
        metavar="MODULE",
        help="import this module first, which defines layers or activations of the "
        "network that are not Keras's own; may be repeated",
    )

    @property
    def reading(self) -> dict[str, Any]:
        """The arguments of `zfkeras.load` that were given."""
        names = ("inputs", "outputs", "class_names", "output")
        given = {name: getattr(self, name) for name in names}
        return {name: value for name, value in given.items() if value is not None}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelSettings(ReadingSettings):
    """Which network, for `Context.classifier`."""

    model: str = setting(DEFAULT_MODEL, metavar="MODEL", help=MODEL_HELP)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelsSettings(ReadingSettings):
    """Which networks, for commands that compare or average several."""

    models: tuple[str, ...] | None = setting(
        None,
        flag="--model",
        action="append",
        metavar="MODEL",
        help=f"{MODEL_HELP}; may be given several times for several networks "
        f"(default: {DEFAULT_MODEL}, the network in the box)",
    )

    @property
    def names(self) -> tuple[str, ...]:
        """The networks that were given, or the default one."""
        return self.models or (DEFAULT_MODEL,)


def some_data(default: str | None = dataclasses.MISSING, default_text: str = "") -> Any:
    """Makes --data; `default_text` says what `None` stands for."""
    text = f" (default: {default_text})" if default_text else ""
    return setting(default, metavar="SPEC", help=DATA_HELP + text)


def a_split(usual: str = "validation") -> Any:
    """Makes --split; `None` leaves the choice to `Source.split_name`."""
    return setting(
        None,
        metavar="NAME",
        help="which split of the data: train, validation or test (default: "
        f"{usual}, or the only one there is)",
    )


def one_layer(help: str) -> Any:
    """Makes --layer, the paper's number or a layer's name."""
    return setting(None, type=layer, metavar="LAYER", help=help)


def some_layers(help: str) -> Any:
    """Makes --layers, the paper's numbers and names of layers."""
    return setting(None, type=layers, metavar="LIST", help=help)


def a_count(default: int | None, help: str, **options: Any) -> Any:
    """Makes a setting that is a whole number of at least 1."""
    return setting(default, type=positive_int, metavar="N", help=help, **options)


def a_file(help: str) -> Any:
    """Makes a setting that is the path of a file, or `None`."""
    return setting(None, type=Path, metavar="FILE", help=help)


def a_folder(help: str) -> Any:
    """Makes a setting that is the path of a folder, or `None`."""
    return setting(None, type=Path, metavar="DIR", help=help)


def max_images(
    help: str = "look at no more images than this, drawn at random (default: all)",
) -> Any:
    """Makes --max-images, which keeps the work on a large data set short."""
    return a_count(None, help)


def max_bad_fraction() -> Any:
    """Makes --max-bad-fraction, the largest accepted fraction of bad images."""
    return setting(
        0.01,
        type=fraction,
        metavar="N",
        help="share of unreadable images (0-1) past which the run stops",
    )


def batch_size(default: int) -> Any:
    """Makes --batch-size, in images."""
    return a_count(default, "images in a batch")


def a_seed() -> Any:
    """Makes --seed, for commands that draw random numbers."""
    return setting(
        0,
        type=seed,
        metavar="N",
        help="fixes what is random, from 0; the same seed gives the same result",
    )


def a_workdir(default: str | None, default_text: str = "") -> Any:
    """Makes --workdir, the folder that a command writes into."""
    text = "folder for the results; a rerun resumes what it finds there"
    return setting(
        None if default is None else Path(default),
        type=Path,
        metavar="DIR",
        help=text + (f" (default: {default_text})" if default_text else ""),
    )


def ten_crop() -> Any:
    """Makes --ten-crop, for commands that predict classes."""
    return setting(
        False,
        help="average over ten crops: four corners, centre and their mirror images",
    )


def mixed_precision() -> Any:
    """Makes --mixed-precision, for commands that train."""
    return setting(
        None,
        choices=("float16", "bfloat16"),
        help="compute in half precision, keep weights in float32 (default: float32)",
    )


def assignments(help: str) -> Any:
    """Makes --set KEY=VALUE, which may be repeated."""
    return setting((), flag="--set", action="append", metavar="KEY=VALUE", help=help)
