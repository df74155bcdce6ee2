"""The networks a training run has kept from several of its epochs."""

import re
from collections.abc import Sequence
from pathlib import Path

import keras

from zfkeras.errors import UsageError
from zfkeras.models.presets import load

_NAME = re.compile(r"epoch-(\d+)\.keras")


def find_snapshots(run: Path, epochs: Sequence[int] | None = None) -> dict[int, Path]:
    """Finds what `zfkeras.train` has kept in a workdir's folder `snapshots`."""
    run = Path(run)
    if not run.is_dir():
        raise FileNotFoundError(f"--run must be a training's workdir. Received: {run}.")
    folder = run / "snapshots"
    folder = folder if folder.is_dir() else run
    matches = ((_NAME.fullmatch(path.name), path) for path in folder.iterdir())
    found = {int(match[1]): path for match, path in matches if match}
    missing = sorted({*(epochs or ())} - {*found})
    if missing:
        raise UsageError(
            argument="--epochs",
            received=missing,
            expected=f"among those kept in {folder}: {sorted(found)}",
        )
    wanted = sorted(found if epochs is None else {*epochs})
    if len(wanted) < 2:
        raise UsageError(
            argument="--run",
            received=f"{folder} with those of epochs {wanted}",
            expected="a training with at least two snapshots epoch-NNN.keras",
            remedy="zfkeras.train keeps them at the epochs of --set snapshot_epochs.",
        )
    return {epoch: found[epoch] for epoch in wanted}


def take_weights(model: keras.Model, path: Path) -> None:
    """Gives a network the weights of a snapshot of it."""
    weights = load(path).model.get_weights()
    if [w.shape for w in weights] != [tuple(w.shape) for w in model.weights]:
        raise UsageError(
            argument="--run", received=path, expected="snapshots of one network"
        )
    model.set_weights(weights)
