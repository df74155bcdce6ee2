"""Networks in the files that Keras writes, read without running code of theirs."""

import contextlib
import json
import re
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

import h5py
import keras

from zfkeras.errors import UsageError
from zfkeras.io.files import raise_system_errors
from zfkeras.models.storage import (
    CONFIG,
    METADATA,
    OWN_MEMBERS,
    check_members,
    check_size,
    check_unpacked,
)

# What Keras says of layers, activations and so on that it does not have.
_UNKNOWN = re.compile(r"Could not locate (?:class|function) '[^']*'|Unknown [^.]*'")


def is_plain(path: Path) -> bool:
    """Tells whether a `.keras` file is one that Keras's own `save` wrote."""
    if path.suffix != ".keras":
        return True
    try:
        with zipfile.ZipFile(path) as archive:
            return not {*OWN_MEMBERS} & {*archive.namelist()}
    except (OSError, ValueError, zipfile.BadZipFile):
        return False  # what is damaged is said where it is loaded


def read_network(path: Path) -> tuple[keras.Model, dict | None]:
    """Reads a plain `.keras` file or an `.h5` file.

    Returns the network, and its compile config if the file has one.
    """
    with one_line_errors(path):
        if path.suffix != ".keras":
            return _read_h5(path)
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            check_members(archive)
            compiled = json.loads(archive.read(CONFIG)).get("compile_config")
            version = json.loads(archive.read(METADATA)).get("keras_version", "")
        try:
            check_size(path)
            return load_network(path), compiled
        except (TypeError, ValueError) as err:
            if not version.startswith("2."):
                raise
            raise UsageError(
                argument=str(path),
                received=f"a file of Keras {version} that Keras 3 does not read",
                expected="a .keras file of Keras 3, or an .h5 file",
                remedy='With Keras 2 (pip install tf_keras): python -c "import '
                f"tf_keras; tf_keras.models.load_model('{path}').save('model.h5')\"",
            ) from err


def load_network(path: Path) -> keras.Model:
    """Loads a network in Keras's safe mode, not compiled."""
    return keras.saving.load_model(path, compile=False, safe_mode=True)


@contextlib.contextmanager
def one_line_errors(path: Path) -> Iterator[None]:
    """Turns all that a file's content makes readers raise into a `UsageError`.

    Hostile or damaged bytes make zipfile, NumPy, h5py and Keras raise nearly everything
    there is.
    """
    try:
        yield
    except UsageError:
        raise
    except Exception as err:
        raise_system_errors(err)
        if unknown := _UNKNOWN.search(str(err)):
            raise UsageError(
                f"{path} has a part that is not Keras's own: {unknown[0]}. Import the "
                "module that defines it first (--import MODULE in commands).",
                argument=str(path),
                received=unknown[0],
            ) from err
        raise UsageError(
            f"{path} is not a {path.suffix} file, is damaged, or is not safe to load "
            f"({reason(err)}).",
            argument=str(path),
            received=reason(err),
        ) from err


def reason(err: Exception) -> str:
    """Returns the first line of what an exception says, or its kind."""
    lines = str(err).strip().splitlines() or [type(err).__name__]
    return lines[0] if len(lines[0]) <= 200 else f"{lines[0][:200]}..."


def _read_h5(path) -> tuple[keras.Model, dict | None]:
    """Reads an `.h5` file; one of Keras 2 through a copy in the words of Keras 3."""
    config, compiled = _read_configs(path)
    modern = _in_words_of_keras_3(config)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Do not pass an `input_shape`")
        if modern != config:
            copy = Path(folder) / "model.h5"
            shutil.copyfile(path, copy)
            with h5py.File(copy, "r+") as file:
                file.attrs["model_config"] = json.dumps(modern)
            path = copy
        return load_network(path), compiled


def _in_words_of_keras_3(config):
    """Rewrites what Keras 2 says of a layer otherwise than Keras 3."""
    if isinstance(config, list):
        return [_in_words_of_keras_3(one) for one in config]
    if not isinstance(config, dict):
        return config
    config = {key: _in_words_of_keras_3(value) for key, value in config.items()}
    settings = config.get("config")
    match config.get("class_name"), settings:
        case "DepthwiseConv2D", {"groups": 1}:
            del settings["groups"]
        case "BatchNormalization", {"axis": [axis]}:
            settings["axis"] = axis
        case "Functional" | "Model", {"output_layers": [[*one]]}:
            settings["output_layers"] = one  # else a nested model makes a list of one
    return config


def _read_configs(path) -> tuple[dict, dict | None]:
    """Reads the configs of network and loss of an `.h5` file.

    Refuses one without a network, one that leads out of itself, and one that bursts.
    """
    total = 0
    with h5py.File(path) as file:
        if "model_config" not in file.attrs:
            raise UsageError(
                argument=str(path),
                received="weights without the network they belong to",
                expected="a file that model.save wrote",
                remedy="In Python, build the network, call its load_weights and save "
                "it as a .keras file.",
            )
        pending = [file]
        while pending:
            group = pending.pop()
            for name in group:
                if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
                    raise ValueError(f"{name} is in another file")
                item = group[name]
                if isinstance(item, h5py.Group):
                    pending.append(item)
                elif item.external or item.is_virtual:
                    raise ValueError(f"{name} is in another file")
                else:
                    total += item.nbytes
        check_unpacked(total, path.stat().st_size)
        config, compiled = map(file.attrs.get, ("model_config", "training_config"))
    return json.loads(config), None if compiled is None else json.loads(compiled)
