"""Whether every file under a folder is whole, judged without the project's readers.

What has a name of its own must be complete at any moment. Hidden files are what is
being written, or what a killed process has left; they are counted, not opened.
"""

import io
import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
from PIL import Image


def broken_files(folder: Path) -> list[str]:
    """The files that are not whole, each with what is wrong with it."""
    found = []
    for path in sorted(Path(folder).rglob("*")):
        check = _CHECKS.get(path.suffix)
        if not path.is_file() or path.name.startswith(".") or check is None:
            continue
        try:
            check(path)
        except Exception as err:
            found.append(f"{path}: {type(err).__name__}: {err}")
    return found


def hidden_files(folder: Path) -> list[Path]:
    """What is under way, or left over."""
    paths = Path(folder).rglob(".*")
    return sorted(path for path in paths if path.is_file())


def _json(path):
    json.loads(path.read_text("utf-8"))


def _lines(path):
    lines = path.read_text("utf-8").split("\n")
    for line in lines[:-1]:  # the last one may be under way: it has no end yet
        json.loads(line)


def _image(path):
    with Image.open(path) as image:
        image.verify()
    with Image.open(path) as image:
        image.load()


def _npy(path):
    # A layer's file holds its images' labels and names, too.
    arrays = 3 if path.name.startswith("layer") else 1
    with open(path, "rb") as file:
        for _ in range(arrays):
            np.load(file, allow_pickle=False)
        behind = len(file.read())
    if behind not in (0, 4):  # a mean image carries its checksum
        raise ValueError(f"{behind} bytes behind its end")


def _zip(path):
    with zipfile.ZipFile(path) as archive:
        if archive.testzip():
            raise ValueError(archive.testzip())


def _npz(path):
    _zip(path)
    with np.load(path, allow_pickle=False) as arrays:
        if not [arrays[name].size for name in arrays.files]:
            raise ValueError("empty")


def _keras(path):
    with zipfile.ZipFile(path) as archive:
        if archive.testzip():
            raise ValueError(archive.testzip())
        for name in ("config.json", "metadata.json", "zfkeras/card.json"):
            json.loads(archive.read(name))
        np.load(io.BytesIO(archive.read("zfkeras/mean_image.npy")))
        weights = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(weights) as file:
        sizes = []
        file.visititems(lambda _, item: sizes.append(getattr(item, "size", 0)))
    if not sum(sizes):
        raise ValueError("no weights")


def _html(path):
    if not path.read_text("utf-8").rstrip().endswith("</html>"):
        raise ValueError("no end")


def _text(path):
    if not path.read_text("utf-8").endswith("\n"):
        raise ValueError("no end")


_CHECKS = {
    ".json": _json,
    ".jsonl": _lines,
    ".png": _image,
    ".jpg": _image,
    ".npy": _npy,
    ".npz": _npz,
    ".zip": _zip,
    ".keras": _keras,
    ".html": _html,
    ".md": _text,
}
