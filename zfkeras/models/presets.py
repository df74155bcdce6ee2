"""Trained networks by name or by path."""

import dataclasses
import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from zfkeras.data.published.finding import model_path
from zfkeras.data.published.sets import NETWORKS, in_megabytes
from zfkeras.errors import UsageError
from zfkeras.models.applications import PREFIX, load_application
from zfkeras.models.classifier import Classifier
from zfkeras.models.from_keras import from_keras
from zfkeras.models.network_files import is_plain, read_network

_SUFFIXES = (".keras", ".h5", ".hdf5")


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


def load(
    name: str | Path,
    inputs: str | None = None,
    outputs: str | None = None,
    class_names: Sequence[str] | str | Path | None = None,
    output: str | None = None,
) -> Classifier:
    """Loads a trained network that takes raw images.

    Layers, activations and other parts that are not Keras's own must be imported first.
    Nothing is imported because a file says so, and no code of a file is run.

    Args:
        name: a key of `PRESETS` such as "quarter" (or "tiny_imagenet", the data set it
            was trained on); "zfnet512", which `python -m zfkeras.download zfnet512`
            gets first; "keras:VGG16" or another network of keras.applications, whose
            weights of ImageNet Keras downloads, or "keras:VGG16:random" without them;
            the path of a self-sufficient `.keras` file such as `zfkeras.train` writes;
            or of a `.keras` or `.h5` file that Keras's own `model.save` wrote.
        inputs: the values that the network of such a file reads: "caffe", "tf",
            "torch", "0..255", "0..1" or "-1..1", as `Classifier.from_keras` describes
            them, and the further arguments, too. `None` (default): 0..255, if the
            network begins with a Rescaling or Normalization layer.
        outputs: "probabilities" or "logits". `None` (default): what the last layer, or
            the compiled loss, says.
        class_names: name of each class, or a file of them, one a line. `None`
            (default): the classes are numbered.
        output: name of the output to take. `None` (default): there is only one.

    Returns:
        A `Classifier`: `predict(images)`, `class_names`, `model`, `preprocessing`.

    Raises:
        FileNotFoundError: neither a preset nor a file.
        UsageError: a file that is no such model, is damaged, or has a part that was not
            imported; a network that has not been downloaded; what
            `Classifier.from_keras` refuses; or arguments for a network that says by
            itself what it reads.
        RunError: the weights of a `keras:` network cannot be downloaded.
    """
    options: dict[str, Any] = {
        "inputs": inputs,
        "outputs": outputs,
        "class_names": class_names,
        "output": output,
    }
    if not says_by_itself(name):
        model, compiled = read_network(Path(name))
        return from_keras(model, **options, compiled=compiled)
    classifier = _load_known(name)
    for argument, value in options.items():
        if value is not None:
            raise UsageError(
                argument=argument,
                received=repr(value),
                expected=f"left out for {name}, which says by itself what it reads and "
                "answers",
            )
    return classifier


def says_by_itself(name: str | Path) -> bool:
    """Tells whether a network is no plain Keras file, so that no more need be said."""
    is_file = os.path.isfile(name) and Path(name).suffix in _SUFFIXES
    return not (is_file and is_plain(Path(name)))


def network_file(name: str | Path) -> Path | None:
    """Returns the file that says all of a network; `None` if there is none."""
    preset = _find_preset(name)
    if preset is not None:
        path = Path(str(_packaged(preset)))
    elif str(name) in NETWORKS:
        path = model_path(str(name))
    else:
        path = Path(name)
    return path if os.path.isfile(path) and not is_plain(path) else None


def _find_preset(name: str | Path) -> Preset | None:
    """Finds a preset by its name, or by that of its data set."""
    return PRESETS.get(_BY_DATA_SET.get(str(name), str(name)))


def _packaged(preset: Preset):
    """Finds the file of a preset, which may be in an archive."""
    return resources.files("zfkeras.models") / "weights" / preset.file


def _load_known(name: str | Path) -> Classifier:
    """Loads a network that says by itself what it reads."""
    preset = _find_preset(name)
    if preset is not None:
        with resources.as_file(_packaged(preset)) as path:
            return Classifier.load(path)
    if str(name) in NETWORKS:
        return Classifier.load(_downloaded(str(name)))
    if str(name).startswith(PREFIX):
        return load_application(str(name))
    if not os.path.exists(name):  # Path.exists raises for what can be no path
        known = ", ".join([*PRESETS, *NETWORKS])
        raise FileNotFoundError(
            f"the network must be a preset ({known}), {PREFIX}NAME for one of "
            "keras.applications, or the path of a .keras or .h5 file. "
            f"Received: {str(name)!r}."
        )
    if os.path.isdir(name) and os.path.exists(os.path.join(name, "saved_model.pb")):
        raise UsageError(
            argument="the network",
            received=f"the folder {str(name)!r} of TensorFlow's SavedModel",
            expected="a .keras or .h5 file",
            remedy='With Keras 2 (pip install tf_keras): python -c "import tf_keras; '
            f"tf_keras.models.load_model('{name}').save('model.h5')\"",
        )
    if Path(name).suffix not in _SUFFIXES:
        raise UsageError(
            argument="the network",
            received=repr(str(name)),
            expected="a .keras or .h5 file",
        )
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
