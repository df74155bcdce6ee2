"""Trained networks by name or by path."""

import dataclasses
import os
from importlib import resources
from pathlib import Path

from zfkeras.errors import UsageError
from zfkeras.models.classifier import Classifier


@dataclasses.dataclass(frozen=True)
class Preset:
    """A trained network that ships with the package.

    Args:
        file: its name in `zfkeras/models/weights/`.
        description: what it is and what it was trained on.
        parameters: number of its parameters.
    """

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
            was trained on), or the path of a self-sufficient `.keras` file such as
            `zfkeras.train` writes.

    Returns:
        A `Classifier`: `predict(images)`, `class_names`, `model`, `preprocessing`.

    Raises:
        FileNotFoundError: neither a preset nor a file.
        UsageError: a file that is no such model, or is damaged.
    """
    preset = PRESETS.get(_BY_DATA_SET.get(str(name), str(name)))
    if preset is not None:
        folder = resources.files("zfkeras.models") / "weights"
        with resources.as_file(folder / preset.file) as path:
            return Classifier.load(path)
    if not os.path.exists(name):  # Path.exists raises for what can be no path
        known = ", ".join(PRESETS) or "none"
        raise FileNotFoundError(
            f"the network must be a preset ({known}) or the path of a .keras file. "
            f"Received: {str(name)!r}."
        )
    if Path(name).suffix != ".keras":
        raise UsageError(f"the network must be a .keras file. Received: {str(name)!r}.")
    return Classifier.load(name)
