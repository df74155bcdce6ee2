"""The folder of a run: config.json, metrics.jsonl, checkpoints, results.json."""

import contextlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from zfkeras.errors import UsageError
from zfkeras.files import read_json, write_json, written_whole
from zfkeras.provenance import command_line, environment

# Keys of the configuration that may change when a run is resumed: more epochs, how
# often it saves, when it gives up. All else would make it another experiment.
RESUMABLE_CHANGES = {
    "checkpoint_steps",
    "data.max_bad_fraction",
    "epochs",
    "snapshot_epochs",
}

_FOLDERS = ("checkpoints", "snapshots", "tensorboard")
_FILES = (
    "metrics.jsonl",
    "results.json",
    "mean_image.npy",
    "model.keras",
    "training.png",
)


class Workdir:
    """A run's folder.

    Args:
        path: the folder; made by `start`.

    Attributes:
        path: the folder.
    """

    def __init__(self, path: Path):
        self.path = Path(path)

    def start(self, config: Mapping, *, overwrite: bool = False) -> None:
        """Makes the folder and writes config.json, or checks the one that is there.

        Args:
            config: the configuration as JSON values.
            overwrite: remove what a former run left.

        Raises:
            UsageError: the folder belongs to a run with another configuration or to
                something else, or is no folder.
        """
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"--workdir must be a folder. Received: {self.path}.")
        file = self.path / "config.json"
        if file.exists():
            before = self._read_config(file)
            if overwrite:
                self._forget()
            else:
                self._check_same(before, config)
        self.path.mkdir(parents=True, exist_ok=True)
        write_json(
            file,
            {"config": config, "command": command_line(), "environment": environment()},
        )

    def _read_config(self, file: Path) -> dict:
        try:
            return flattened(read_json(file)["config"])
        except (ValueError, KeyError, TypeError, AttributeError) as err:
            raise UsageError(
                f"{file} is not a run's, or is damaged; use another --workdir, or "
                "remove it."
            ) from err

    def _forget(self) -> None:
        """Removes a former run. What cannot be removed is an error: it would go on."""
        for name in _FOLDERS:
            if (self.path / name).exists():
                shutil.rmtree(self.path / name)
        for name in _FILES:
            (self.path / name).unlink(missing_ok=True)

    def _check_same(self, before: Mapping, now: Mapping) -> None:
        now = flattened(now)
        for key in sorted(before.keys() | now.keys()):
            if before.get(key) != now.get(key) and key not in RESUMABLE_CHANGES:
                raise UsageError(
                    f"{self.path} holds a run with {key}={before.get(key)!r}, not "
                    f"{now.get(key)!r}; use another --workdir, or --overwrite to "
                    "start again."
                )

    def append_metrics(self, row: Mapping) -> None:
        """Adds one line to metrics.jsonl."""
        with open(self._metrics, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def read_metrics(self) -> list[dict]:
        """The rows of metrics.jsonl, oldest first."""
        if not self._metrics.exists():
            return []
        rows = []
        for line in self._metrics.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError):  # a crash may have cut it short
                rows.append(json.loads(line))
        return rows

    def keep_metrics_until(self, epoch: int) -> None:
        """Drops rows of the epochs (from 1) that a resumed run is about to repeat."""
        rows = [row for row in self.read_metrics() if row["epoch"] <= epoch]
        with written_whole(self._metrics, "w") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)

    def write_results(self, results: Mapping) -> Path:
        """Writes results.json."""
        path = self.path / "results.json"
        write_json(path, results)
        return path

    @property
    def _metrics(self) -> Path:
        return self.path / "metrics.jsonl"


def flattened(config: Mapping, prefix: str = "") -> dict:
    """Nested settings as one level of dotted keys."""
    flat = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flat |= flattened(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
