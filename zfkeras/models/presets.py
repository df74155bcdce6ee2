"""Trained networks by name or by path."""

import dataclasses
import os
from importlib import resources
from pathlib import Path

from zfkeras.data.published.finding import model_path
from zfkeras.data.published.sets import NETWORKS, in_megabytes
from zfkeras.errors import UsageError
from zfkeras.models.classifier import Classifier


@dataclasses.dataclass(frozen=True)
class Preset:
    """A trained network that ships with the package."""

    file: str
    description: str
    parameters: int


PRESETS: dict[str, Preset] = {
    "quarter": Preset(
        file="zfnet_quarter_tiny_imagenet.keras",
        description="quarter-scale ZFNet, 200 classes of Tiny ImageNet",
        parameters=3_424_328,
    ),
}
# What `ZFNet(weights=...)` calls them, after the data set, as keras.applications does.
_BY_DATA_SET = {"tiny_imagenet": "quarter"}


def load(name: str | Path) -> Classifier:
    """Loads a trained network that takes raw images.

    Args:
        name: a key of `PRESETS` such as "quarter" (or "tiny_imagenet", the data set it
            was trained on); "zfnet512", which `python -m zfkeras.download zfnet512`
            gets first; or the path of a self-sufficient `.keras` file such as
            `zfkeras.train` writes.

    Returns:
        A `Classifier`: `predict(images)`, `class_names`, `model`, `preprocessing`.

    Raises:
        FileNotFoundError: neither a preset nor a file.
        UsageError: a file that is no such model, or is damaged; or a network that has
            not been downloaded.
    """
    preset = PRESETS.get(_BY_DATA_SET.get(str(name), str(name)))
    if preset is not None:
        folder = resources.files("zfkeras.models") / "weights"
        with resources.as_file(folder / preset.file) as path:
            return Classifier.load(path)
    if str(name) in NETWORKS:
        return Classifier.load(_downloaded(str(name)))
    if not os.path.exists(name):  # Path.exists raises for what can be no path
        known = ", ".join([*PRESETS, *NETWORKS])
        raise FileNotFoundError(
            f"the network must be a preset ({known}) or the path of a .keras file. "
            f"Received: {str(name)!r}."
        )
    if Path(name).suffix != ".keras":
        raise UsageError(f"the network must be a .keras file. Received: {str(name)!r}.")
    return Classifier.load(name)


def _downloaded(name: str) -> Path:
    """Returns the file of a network that `zfkeras.download` has got and converted."""
    path = model_path(name)
    if not path.exists():
        raise UsageError(
            f"{name} must be downloaded first: python -m zfkeras.download {name} "
            f"({in_megabytes(NETWORKS[name].size)}). Received: no file {path}."
        )
    return path
