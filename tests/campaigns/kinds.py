"""The kinds of files that the project reads back: how one is made and how it is read.

Each reader is the one that a command uses, and answers with plain values that can be
compared; `None` is a file that is passed over.
"""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.helpers.trees import write_tree
from zfkeras.arrays import read_array, write_array
from zfkeras.files import read_json_again, warn_of_damage, write_json
from zfkeras.training.checkpoints import Checkpoints
from zfkeras.training.workdir import Workdir

_CONFIG = {"epochs": 3, "seed": 7, "optimizer": {"learning_rate": 0.0125}}


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of file.

    Args:
        name: what it is.
        write: makes one in a folder, and what belongs to it; returns its path.
        read: reads it, given its path.
        instead: what may be read in its place, such as the checkpoint before.
    """

    name: str
    write: Callable[[Path], Path]
    read: Callable[[Path], object]
    instead: object = None


def _numbers(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def _write_checkpoints(folder: Path) -> Path:
    checkpoints = Checkpoints(folder)
    for step in (1, 2):
        path = checkpoints.save(step, _arrays(step), {"step": step, "loss": step / 3})
    return path


def _arrays(step: int) -> dict:
    return {"model/000": _numbers(step, 90, 40), "optimizer/000": np.array(step)}


def _read_checkpoint(path: Path):
    arrays, state = Checkpoints(path.parent).load_latest()
    return _bytes(arrays), state


def _bytes(arrays) -> dict:
    return {name: (str(a.dtype), a.shape, a.tobytes()) for name, a in arrays.items()}


@functools.cache
def _classifier():
    from tests.helpers.networks import make_classifier

    return make_classifier(1, ("cat", "größer", "bee"))


def _write_network(folder: Path) -> Path:
    path = folder / "model.keras"
    _classifier().save(path)
    return path


def _read_network(path: Path):
    from zfkeras.models.classifier import Classifier

    one = Classifier.load(path)
    weights = [np.asarray(weight).tobytes() for weight in one.model.get_weights()]
    prepared = one.preprocessing
    return (
        weights,
        prepared.mean_image.tobytes(),
        (prepared.crop_size, prepared.input_scale),
        one.class_names,
        one.model.to_json(),
        one.made,
    )


def _write_head(folder: Path) -> Path:
    from transfer.heads.storage import save_head
    from transfer.heads.svm import SVMHead

    folder.mkdir(parents=True, exist_ok=True)
    features, labels = _numbers(0, 30, 12), np.arange(30) % 3
    save_head(SVMHead().fit(features, labels), folder / "head.npz")
    return folder / "head.npz"


def _read_head(path: Path):
    from transfer.heads.storage import load_head

    head = load_head(path)
    arrays = {"classes": head.classes_, "coef": head.coef_, "b": head.intercept_}
    return _bytes(arrays), head.get_params(), head.C_, head.scale_


def _write_features(folder: Path) -> Path:
    from transfer.feature_writer import FeatureWriter

    (folder / "key").mkdir(parents=True, exist_ok=True)
    writer = FeatureWriter(folder / "key", {1: 24, 5: 10}, 50, "float16")
    for start in range(0, 48, 16):
        features = {1: _numbers(start, 16, 24), 5: _numbers(start, 16, 10)}
        features = {layer: f.astype(np.float16) for layer, f in features.items()}
        writer.add(features, np.arange(16) % 3, np.arange(start, start + 16))
        writer.save({"x": "truncated"})
    parts = {path: path.read_bytes() for path in (folder / "key").glob(".part*")}
    writer.finish()
    for path, content in parts.items():  # as if it had been killed before
        (folder / "killed").mkdir(exist_ok=True)
        (folder / "killed" / path.name).write_bytes(content)
    return folder / "key" / "layer5.npy"


def _read_features(path: Path):
    from transfer.feature_cache import FeatureCache

    folder = path.parent
    cache = FeatureCache(folder.parent, folder.name)
    if not cache.has(5):
        return None
    features, rows = cache.read(5), cache.read_labels()
    return features.dtype, features.tobytes(), [row.tobytes() for row in rows]


def _beside(name: str):
    """Another one of the files that belong to features."""
    return lambda folder: _write_features(folder).with_name(name)


def _write_progress(name: str):
    def write(folder: Path) -> Path:
        _write_features(folder)
        return folder / "killed" / name

    return write


def _read_progress(path: Path):
    """Whether a run goes on behind the 48 images, or begins anew."""
    import shutil

    from transfer.feature_writer import FeatureWriter

    kept = {one.name: one.read_bytes() for one in path.parent.iterdir()}
    writer = FeatureWriter(path.parent, {1: 24, 5: 10}, 50, "float16")
    found = None
    if writer.next_position:
        writer.finish()
        names = ("layer1.npy", "layer5.npy", "labels.npy")
        files = [(path.parent / name).read_bytes() for name in names]
        found = writer.bad_images, files
    writer.discard()
    shutil.rmtree(path.parent)
    write_tree(path.parent, kept)
    return found


def _write_scan(folder: Path) -> Path:
    from visualize.scan_state import ScanState, save_state

    state = ScanState.empty("key", (("conv", 30), ("fc", 20)), 9)
    state = dataclasses.replace(
        state,
        next_position=17,
        num_images=16,
        values=_numbers(0, 50, 9),
        places=np.random.default_rng(0).integers(0, 99, (50, 9, 4)),
        bad_images={"größer.jpg": "truncated"},
    )
    folder.mkdir(parents=True, exist_ok=True)
    save_state(folder / "top_activations.npz", state)
    return folder / "top_activations.npz"


def _read_scan(path: Path):
    from visualize.scan_state import load_state

    state = load_state(path)
    if state is None:
        return None
    values = dataclasses.asdict(state)
    arrays = {name: values.pop(name) for name in ("values", "places")}
    return values, _bytes(arrays)


_ROWS = [
    {"key": f"{n:032x}", "head": "svm", "layer": n, "mean": n / 7, "paper": None}
    for n in range(1, 8)
]


def _write_rows(folder: Path) -> Path:
    write_json(folder / "caltech.json", {"data": "x", "rows": _ROWS})
    return folder / "caltech.json"


def _read_rows(path: Path):
    from transfer.known_rows import known_rows

    return known_rows(path) or None


def _write_record(folder: Path) -> Path:
    write_json(folder / "row.json", {"config": _CONFIG, "row": _ROWS[3]})
    return folder / "row.json"


def _read_record(path: Path):
    found = read_json_again(path, "measuring its row anew")
    return found and {key: found.get(key) for key in ("config", "row")}


def _write_metrics(folder: Path) -> Path:
    workdir = Workdir(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.jsonl").unlink(missing_ok=True)
    for epoch in (1, 2, 3):
        row = {"step": 5 * epoch, "epoch": epoch, "train_loss": epoch / 3}
        workdir.append_metrics(row)
    return folder / "metrics.jsonl"


def _read_metrics(path: Path):
    """The rows as a run has them that goes on: its checkpoint remembers them, too."""
    expected = [
        {"step": 5 * epoch, "epoch": epoch, "train_loss": epoch / 3}
        for epoch in (1, 2, 3)
    ]
    content = path.read_bytes()
    workdir = Workdir(path.parent)
    workdir.keep_metrics_until(3, expected)
    rows = workdir.read_metrics()
    path.write_bytes(content)
    return rows


def _write_mean_image(folder: Path) -> Path:
    write_array(folder / "mean_image.npy", _numbers(0, 24, 24, 3))
    return folder / "mean_image.npy"


def _read_mean_image(path: Path):
    try:
        return _bytes({"": read_array(path)})
    except ValueError as err:  # as the training does
        warn_of_damage(path, err, "computing it anew")
        return None


def _write_config(folder: Path) -> Path:
    Workdir(folder).start(_CONFIG, {})
    return folder / "config.json"


def _read_config(path: Path):
    content = path.read_bytes()
    try:
        Workdir(path.parent).start(_CONFIG, {})
    finally:
        path.write_bytes(content)
    return "the same run"


def _write_figure(folder: Path) -> Path:

    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    _make_figure(folder, pixels)
    return folder / "figure.png"


def _make_figure(folder: Path, pixels, remade=None):
    from PIL import Image

    from visualize.report_figures import make_once

    def run():
        if remade is not None:
            remade.append(True)
            return
        Image.fromarray(pixels).save(folder / "figure.png")
        write_json(folder / "figure.json", {"claim": 0.25})

    make_once(folder, "figure.json", {"seed": 1}, run, False)


def _read_figure(path: Path):
    """The picture, or nothing if it is to be made again."""
    folder, remade = path.parent, []
    marker = folder / "made-with.json"
    kept = marker.read_bytes()
    _make_figure(folder, None, remade)
    marker.write_bytes(kept)
    return None if remade else path.read_bytes()


KINDS = (
    Kind(
        "checkpoint",
        _write_checkpoints,
        _read_checkpoint,
        (_bytes(_arrays(1)), {"step": 1, "loss": 1 / 3}),
    ),
    Kind("network (.keras)", _write_network, _read_network),
    Kind("head", _write_head, _read_head),
    Kind("features", _write_features, _read_features),
    Kind("labels of features", _beside("labels.npy"), _read_features),
    Kind("description of features", _beside("layer5.json"), _read_features),
    Kind("features under way", _write_progress(".part-layer5.npy"), _read_progress),
    Kind("progress of features", _write_progress(".part.npz"), _read_progress),
    Kind("top activations", _write_scan, _read_scan),
    Kind("rows of results", _write_rows, _read_rows),
    Kind("row of an ablation", _write_record, _read_record),
    Kind("metrics.jsonl", _write_metrics, _read_metrics),
    Kind("mean image", _write_mean_image, _read_mean_image),
    Kind("config.json", _write_config, _read_config),
    Kind("figure of a report", _write_figure, _read_figure),
)
