"""Names the extra of the package that brings a missing library, and Keras's backend."""

import importlib
import json
import os
from pathlib import Path
from typing import Any

from zfkeras.errors import UsageError

# Module -> extra, as pyproject.toml has them.
EXTRAS = {
    "distributed": "dask",
    "google": "tensorflow",
    "jax": "jax",
    "jinja2": "plots",
    "matplotlib": "plots",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "scipy": "plots",
    "skops": "transfer",
    "sklearn": "transfer",
    "starlette": "explore",
    "tensorboard": "tensorflow",
    "tensorflow": "tensorflow",
    "tensorflow_datasets": "tfds",
    "threadpoolctl": "transfer",
    "torch": "torch",
    "uvicorn": "explore",
}

# Modules, and packages of them, that compute with TensorFlow alone.
_NEED_TENSORFLOW = (
    "visualize.explore",
    "visualize.figures",
    "visualize.strongest",
    "zfkeras.data.datasets",
    "zfkeras.data.register",
)


def explain_missing(err: ModuleNotFoundError) -> str | None:
    """Says which extra brings a missing module; `None` if no extra does."""
    module = (err.name or "").split(".")[0]
    if module not in EXTRAS:
        return None
    return (
        f"{module} is not installed; the extra {EXTRAS[module]} brings it: "
        f"pip install 'zfkeras[{EXTRAS[module]}]'"
    )


def check_backend() -> None:
    """Raises `UsageError` if Keras was told to compute with another backend."""
    backend = chosen_backend()
    if backend != "tensorflow":
        raise UsageError(
            argument="KERAS_BACKEND",
            received=backend,
            expected="tensorflow, or not set: here zfkeras computes with TensorFlow",
        )


def chosen_backend() -> str:
    """Finds Keras's backend, as Keras itself does, without the time to import it."""
    if backend := os.environ.get("KERAS_BACKEND"):
        return backend
    folder = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    try:
        return json.loads((folder / "keras.json").read_text())["backend"]
    except (OSError, ValueError, KeyError):
        return "tensorflow"


def load_name(module: str, name: str) -> Any:
    """Imports a name of the public API on its first use.

    Raises ModuleNotFoundError, which names the extra, if a library is missing, and
    UsageError under another backend of Keras if it needs TensorFlow.
    """
    if module.startswith(_NEED_TENSORFLOW):
        check_backend()
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as err:
        if (told := explain_missing(err)) is None:
            raise
        raise ModuleNotFoundError(f"{name}: {told}", name=err.name) from err
