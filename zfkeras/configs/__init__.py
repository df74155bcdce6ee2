"""Experiments, one a file: each module's `get_config()` returns a `TrainConfig`."""

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any

from zfkeras.errors import UsageError
from zfkeras.training.config import TrainConfig, with_overrides


def names() -> list[str]:
    """Names of the experiments."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def get_config(name: str, changes: Mapping[str, Any] | None = None) -> TrainConfig:
    """Returns a configuration of `python -m zfkeras.train`, as it is or changed.

    Args:
        name: as `--config` takes it, such as "zfnet_imagenet".
        changes: settings by the names that `--set` takes. `None` (default): none.

    Returns:
        A `TrainConfig`, for `run_experiment`.

    Raises:
        UsageError: no such configuration or setting, or a value of another kind.

    Example:
        >>> changes = {"epochs": 3, "optimizer.learning_rate": 0.02}
        >>> get_config("zfnet_imagenet", changes).optimizer.learning_rate
        0.02
    """
    if name not in names():
        raise UsageError(
            f"--config must be one of {', '.join(names())}. Received: {name!r}."
        )
    config = importlib.import_module(f"{__name__}.{name}").get_config()
    return with_overrides(
        config, [f"{key}={_word(value)}" for key, value in (changes or {}).items()]
    )


def _word(value):
    """Writes a value as `--set` takes it."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else value
