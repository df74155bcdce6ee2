"""Experiments, one a file: each module's `get_config()` returns a `TrainConfig`."""

import importlib
import pkgutil

from zfkeras.errors import UsageError


def names() -> list[str]:
    """Names of the experiments."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def get_config(name: str):
    """Returns the configuration of that name."""
    if name not in names():
        raise UsageError(
            f"--config must be one of {', '.join(names())}. Received: {name!r}."
        )
    return importlib.import_module(f"{__name__}.{name}").get_config()
