"""Checkpoints: all of a run's variables and its JSON state in one checked file."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from zfkeras.errors import RunError
from zfkeras.io.arrays import read_arrays
from zfkeras.io.files import (
    raise_system_errors,
    remove_leftovers,
    warn_of_damage,
    written_whole,
)

_STATE = "state"


class Checkpoints:
    """The checkpoints in one folder, named by step, newest kept.

    A file is a NumPy archive without pickles: one array per variable, and the state as
    JSON text. If its checksums show damage, a warning names it, and the checkpoint
    before it is used.
    """

    def __init__(self, folder: Path, keep: int = 2):
        self.folder = Path(folder)
        self.keep = keep

    def save(self, step: int, arrays: Mapping[str, np.ndarray], state: Mapping) -> Path:
        """Writes a checkpoint, whole or not at all, and drops the oldest.

        What a process that was killed while it wrote one has left goes, too: at paper
        scale that is half a gigabyte.
        """
        path = self.folder / f"step-{step:09d}.npz"
        with written_whole(path) as file:
            np.savez(file, **arrays, **{_STATE: np.array(json.dumps(state))})
        for old in self._paths()[: -self.keep]:
            old.unlink()
        remove_leftovers(self.folder)
        return path

    def load_latest(self) -> tuple[dict[str, np.ndarray], dict] | None:
        """Reads the newest checkpoint that is whole."""
        paths = self._paths()
        for path in reversed(paths):
            try:
                arrays = read_arrays(path)
                state = json.loads(str(arrays.pop(_STATE)))
            # Damaged bytes make zipfile and NumPy raise nearly everything there is.
            except Exception as err:
                raise_system_errors(err)
                warn_of_damage(path, err, "passing over to the checkpoint before")
                continue
            return arrays, state
        if paths:
            raise RunError(
                f"every checkpoint in {self.folder} is damaged; use another --workdir, "
                "or start again with --overwrite."
            )
        return None

    def _paths(self):
        return sorted(self.folder.glob("step-*.npz"))


def variables_of(model, optimizer) -> dict:
    """Returns by name every variable that a run's future depends on.

    Weights, the state of dropout's random generators, and the optimizer's velocities,
    step counter and rate.
    """
    # Not the path of a layer's variable: Keras numbers generators through a process.
    named = {
        f"model/{layer.name}/{variable.name}": variable
        for layer in model.layers
        for variable in layer.variables
    }
    return named | {f"optimizer/{v.path}": v for v in optimizer.variables}


def to_arrays(variables: Mapping) -> dict[str, np.ndarray]:
    """Reads the variables' values."""
    return {name: np.asarray(v.value) for name, v in variables.items()}


def assign(variables: Mapping, arrays: Mapping[str, np.ndarray]) -> None:
    """Gives variables the values of a checkpoint."""
    wanted = {name: tuple(variable.shape) for name, variable in variables.items()}
    found = {name: array.shape for name, array in arrays.items()}
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            raise RunError(
                f"the checkpoint belongs to another network or optimizer: {name} is "
                f"{_said(found.get(name))} in it and {_said(wanted.get(name))} in this "
                "run; use another --workdir, or start again with --overwrite.",
                argument=name,
                received=found.get(name),
            )
    for name, variable in variables.items():
        variable.assign(arrays[name])


def _said(shape: tuple | None) -> str:
    return "missing" if shape is None else f"of shape {shape}"
