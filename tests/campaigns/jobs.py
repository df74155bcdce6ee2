"""The four commands that campaigns disturb, small enough for dozens of runs.

Each knows its workdir, what it has to lose there, and what its result is, so that a
disturbed run can be compared with an undisturbed one to the bit.
"""

import dataclasses
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.campaigns.processes import Command
from tests.helpers.runs import image_folder, noise_jpeg
from tests.helpers.trees import write_tree

# Images of each of the classes.
_PER_CLASS = 24


@dataclasses.dataclass(frozen=True)
class Job:
    """A command with everything it writes below one folder."""

    name: str
    command: Callable[[Path], Command]
    outcome: Callable[[Path], dict]


def jobs(place: Path) -> list[Job]:
    """The four jobs; makes their images below a folder."""
    noise, photographs = place / "noise", place / "photographs"
    if not noise.exists():
        image_folder(noise, per_class=40)
    if not photographs.exists():
        _photographs(photographs)
    data = f"folder:{photographs}"
    return [
        Job("zfkeras.train", lambda folder: _train(folder, noise), _trained),
        Job("transfer.caltech", lambda folder: _caltech(folder, data), _measured),
        Job("visualize.features", lambda folder: _features(folder, data), _recorded),
        Job("visualize.report", lambda folder: _report(folder, data), _recorded),
    ]


def _photographs(folder: Path) -> None:
    """Real ones of ten categories if they are there, else noise."""
    given = Path(os.environ.get("ZFKERAS_DATA", "")) / "caltech-256-ten-categories.zip"
    files = {}
    if given.is_file():
        with zipfile.ZipFile(given) as archive:
            for name in sorted(archive.namelist()):
                short = "/".join(Path(name).parts[-2:])
                category = Path(short).parent.name
                taken = sum(one.startswith(f"{category}/") for one in files)
                if name.endswith(".jpg") and taken < _PER_CLASS:
                    files[short] = archive.read(name)
    else:
        for number in range(10 * _PER_CLASS):
            name = f"class{number // _PER_CLASS}/{number:04d}.jpg"
            files[name] = noise_jpeg(number)
    write_tree(folder, files)


def _train(folder: Path, noise: Path) -> Command:
    words = (
        f"--weights random --data folder:{noise} --workdir {folder}/run "
        "--epochs 3 --batch-size 8 --deterministic --set data.validation_fraction=0.15 "
        "--set model.dropout=0.5 --set checkpoint_steps=2 --set snapshot_epochs=1,3 "
        "--set data.min_crop_area=0.5"
    )
    return Command("zfkeras.train", words.split())


def _caltech(folder: Path, data: str) -> Command:
    words = (
        f"--data {data} --layer 1,5,7 --n-train-per-class 5,10 --folds 2 "
        f"--batch-size 16 --cache {folder}/cache --workdir {folder}/run"
    )

    def often():
        from transfer.features.extraction import extract

        extract.__kwdefaults__["shard_size"] = 1  # a batch

    return Command("transfer.caltech", words.split(), often)


def _features(folder: Path, data: str) -> Command:
    words = (
        f"--data {data} --split train --layers 1,3,5 --channels 2 --batch-size 16 "
        f"--workdir {folder}/run"
    )
    return Command("visualize.features", words.split(), _scan_often)


def _report(folder: Path, data: str) -> Command:
    words = (
        f"--data {data} --split train --quick --layers 1,5 --channels 2 "
        f"--max-images 40 --workdir {folder}/run"
    )
    return Command("visualize.report", words.split(), _scan_often)


def _scan_often():
    from visualize.strongest.kept_scan import KeptScan

    KeptScan.finish.__kwdefaults__["shard_size"] = 1  # a batch


_RUN_BOUND = {
    "command",
    "environment",
    "seconds",
    "images_per_second",
    "input_share",
}


def _trained(folder: Path) -> dict:
    run = folder / "run"
    found = {}
    newest = max((run / "checkpoints").glob("step-*.npz"))
    with np.load(newest) as arrays:
        for name in set(arrays.files) - {"state"}:
            found[f"{newest.name} {name}"] = arrays[name].tobytes()
    for path in (run / "model.keras", *sorted((run / "snapshots").glob("*.keras"))):
        with zipfile.ZipFile(path) as archive:
            found[path.name] = archive.read("model.weights.h5")
    lines = (run / "metrics.jsonl").read_text().splitlines()
    found["metrics.jsonl"] = [_bare(json.loads(line)) for line in lines]
    found["mean_image.npy"] = (run / "mean_image.npy").read_bytes()
    return {**found, **_records(run)}


def _measured(folder: Path) -> dict:
    files = sorted((folder / "cache").rglob("*.npy"))
    found = {path.name: path.read_bytes() for path in files}
    return {**found, **_recorded(folder)}


def _recorded(folder: Path) -> dict:
    """JSON, pictures and pages; text that names the folder is made the same."""
    found = _records(folder / "run")
    for path in sorted((folder / "run").rglob("*")):
        name = str(path.relative_to(folder))
        if path.suffix in (".png", ".jpg", ".md"):
            found[name] = path.read_bytes()
        elif path.suffix == ".html":
            found[name] = path.read_text("utf-8").replace(str(folder), "FOLDER")
        elif path.suffix == ".zip":  # of top_activations
            with zipfile.ZipFile(path) as archive:
                found[name] = {key: archive.read(key) for key in archive.namelist()}
    return found


def _records(run: Path) -> dict:
    found = {}
    for path in sorted(run.rglob("*.json")):
        if path.name != "made-with.json":  # checksums of files that name the folder
            text = path.read_text("utf-8").replace(str(run.parent), "FOLDER")
            found[str(path.relative_to(run))] = _bare(json.loads(text))
    return found


def _bare(value):
    """JSON without what differs from run to run: times and versions."""
    if isinstance(value, dict):
        return {k: _bare(v) for k, v in value.items() if k not in _RUN_BOUND}
    if isinstance(value, list):
        return [_bare(one) for one in value]
    return value
