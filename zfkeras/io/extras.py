"""Names the extra of the package that brings a missing library, and Keras's backend."""

import importlib
import os
from typing import Any

from zfkeras.errors import UsageError

# Module -> extra, as pyproject.toml has them.
EXTRAS = {
    "distributed": "dask",
    "google": "tensorflow",
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
    "uvicorn": "explore",
}

# They define no layer and read no network.
_NEED_NO_BACKEND = ("zfkeras.errors", "zfkeras.records")


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
    """Raises `UsageError` if the environment chooses another backend for Keras."""
    backend = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if backend != "tensorflow":
        raise UsageError(
            argument="KERAS_BACKEND",
            received=backend,
            expected="tensorflow, or not set: zfkeras computes with TensorFlow",
        )


def load_name(module: str, name: str) -> Any:
    """Imports a name of the public API on its first use.

    Raises ModuleNotFoundError, which names the extra, if a library is missing, and
    UsageError under a backend of Keras that is not TensorFlow.
    """
    if module not in _NEED_NO_BACKEND:
        check_backend()
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as err:
        if (told := explain_missing(err)) is None:
            raise
        raise ModuleNotFoundError(f"{name}: {told}", name=err.name) from err
