"""Layers, activations and so on that are not Keras's own, from the user's modules."""

import importlib
import inspect
import os
import sys

import keras

from zfkeras.errors import UsageError

_KINDS = (
    keras.Layer,
    keras.Initializer,
    keras.Regularizer,
    keras.constraints.Constraint,
)


def import_objects(module: str) -> None:
    """Imports a module and makes what it defines known to Keras by its name.

    Modules of the current folder are found, too, however the command was called.
    """
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as err:
        if err.name != module.partition(".")[0] and err.name != module:
            raise
        raise UsageError(
            argument="--import",
            received=repr(module),
            expected="a module that Python finds, such as my_layers for my_layers.py",
        ) from err
    known = keras.saving.get_custom_objects()
    for name, one in vars(found).items():
        is_kind = isinstance(one, type) and issubclass(one, _KINDS)
        if (is_kind or inspect.isfunction(one)) and one.__module__ == found.__name__:
            known.setdefault(name, one)
