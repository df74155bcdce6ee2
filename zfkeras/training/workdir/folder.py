"""The folder of a run: config.json, metrics.jsonl, checkpoints, results.json."""

import contextlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from zfkeras.errors import UsageError
from zfkeras.io.files import read_json, to_json, write_json, written_whole
from zfkeras.io.invocation import command_line
from zfkeras.io.locks import claimed
from zfkeras.io.provenance import environment

# Keys of the configuration that may change when a run is resumed: more epochs, how
# often it saves, when it gives up, and where the same images lie.
RESUMABLE_CHANGES = {
    "checkpoint_steps",
    "data.leave_out",
    "data.max_bad_fraction",
    "data.source",
    "epochs",
    "snapshot_epochs",
}

# What a run is taken up from. It belongs to the config.json beside it, or to nothing.
_TAKEN_UP = ("checkpoints", "mean_image.npy", "metrics.jsonl")
_FOLDERS = ("checkpoints", "snapshots", "tensorboard")
_FILES = (
    "metrics.jsonl",
    "results.json",
    "mean_image.npy",
    "model.keras",
    "training.png",
)


class Workdir:
    """A run's folder."""

    def __init__(self, path: Path):
        self.path = Path(path)

    def claimed(self) -> contextlib.AbstractContextManager:
        """Keeps other processes out while the block runs; makes the folder."""
        self._check_folder()
        return claimed(self.path, instead="use another --workdir")

    def start(
        self,
        config: Mapping,
        images: Mapping,
        *,
        overwrite: bool = False,
        accept_other_images: bool = False,
    ) -> None:
        """Makes the folder and writes config.json, or checks the one that is there."""
        self._check_folder()
        file = self.path / "config.json"
        if not file.exists():
            self._check_no_run()
        else:
            config_before, images_before = self._read_config(file)
            if overwrite:
                self._forget()
            else:
                self._check_same(config_before, flattened(config))
                self._check_images(images_before, images, accept_other_images)
        self.path.mkdir(parents=True, exist_ok=True)
        write_json(
            file,
            {
                "config": config,
                "images": images,
                "command": command_line(),
                "environment": environment(),
            },
        )

    def _check_folder(self):
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"--workdir must be a folder. Received: {self.path}.")

    def _check_no_run(self):
        left = [name for name in _TAKEN_UP if (self.path / name).exists()]
        if left:
            raise UsageError(
                f"{self.path} holds {' and '.join(left)} of a run but no config.json "
                "that says which; put it back, or use another --workdir."
            )

    def _read_config(self, file: Path) -> tuple[dict, dict]:
        try:
            saved = read_json(file)
            return flattened(saved["config"]), saved["images"]
        except (ValueError, KeyError, TypeError, AttributeError) as err:
            raise UsageError(
                f"{file} is not a run's, or is damaged ({err}); use another --workdir."
            ) from err

    def _forget(self) -> None:
        """Removes a former run. What cannot be removed is an error: it would go on."""
        for name in _FOLDERS:
            if (self.path / name).exists():
                shutil.rmtree(self.path / name)
        for name in _FILES:
            (self.path / name).unlink(missing_ok=True)

    def _check_images(self, before: Mapping, now: Mapping, accept_other: bool) -> None:
        if before["class_names"] != now["class_names"]:
            raise UsageError(
                f"{self.path} holds a run on other classes, so its labels mean others; "
                "use another --workdir, or --overwrite to start again."
            )
        if accept_other:
            return
        changes = [
            f"{before[part]['count']:,} images {words}, now {now[part]['count']:,}"
            + (" other ones" if before[part]["count"] == now[part]["count"] else "")
            for part, words in (("train", "to learn from"), ("held_out", "held out"))
            if before[part] != now[part]
        ]
        if changes:
            raise UsageError(
                f"{self.path} holds a run on other images: {'; '.join(changes)}. "
                "Images that are held out now may have been learnt from. Use another "
                "--workdir, --overwrite to start again, or --accept-other-images to "
                "resume."
            )

    def _check_same(self, before: Mapping, now: Mapping) -> None:
        for key in sorted((before.keys() | now.keys()) - RESUMABLE_CHANGES):
            if before.get(key) != now.get(key):
                raise UsageError(
                    f"{self.path} holds a run with {key}={before.get(key)!r}, not "
                    f"{now.get(key)!r}; use another --workdir, or --overwrite to "
                    "start again.",
                    argument=key,
                    received=now.get(key),
                )

    def write_metrics(self, rows: Sequence[Mapping]) -> None:
        """Writes metrics.jsonl, one row a line."""
        with written_whole(self.path / "metrics.jsonl", "w") as file:
            file.writelines(to_json(row) + "\n" for row in rows)

    def write_results(self, results: Mapping) -> Path:
        """Writes results.json."""
        path = self.path / "results.json"
        write_json(path, results)
        return path


def flattened(config: Mapping, prefix: str = "") -> dict:
    """Returns nested settings as one level of dotted keys."""
    flat = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flat |= flattened(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
