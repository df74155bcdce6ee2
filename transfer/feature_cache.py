"""Where features lie on disk: one folder for a network and a data set, a file a layer.

A file takes its name only when it is complete, and is held to its checksum when it is
read; what a killed run leaves is never read. Two runs at once do not meet: each writes
aside.
"""

import contextlib
import hashlib
import json
import logging
import os
import secrets
import time
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from zfkeras.data.splits import Split
from zfkeras.errors import RunError
from zfkeras.files import read_json, write_json
from zfkeras.models.classifier import Classifier

logger = logging.getLogger(__name__)

# Raised whenever files of before would be read wrongly.
FORMAT = 1
# Images whose content is part of the key: all would have to be read otherwise.
_SAMPLED_IMAGES = 64
# A file written aside is written to with every batch; after so long its run is dead.
_DEAD_SECONDS = 3600
_CHUNK = 1 << 24


def default_cache() -> Path:
    """Where features go unless told: $XDG_CACHE_HOME/zfkeras, or ~/.cache/zfkeras."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "zfkeras" / "features"


def fingerprint(classifier: Classifier, split: Split, data: str, dtype: str) -> str:
    """A name for what a network computes of a split, 32 hexadecimal digits.

    Args:
        classifier: weights and preprocessing go in.
        split: the ids and labels of all its images, and the content of some, go in.
        data: what the split is called.
        dtype: of the features.
    """
    digest = hashlib.sha256()
    header = [
        FORMAT,
        dtype,
        data,
        classifier.model.name,
        classifier.preprocessing.crop_size,
        classifier.preprocessing.input_scale,
    ]
    digest.update(json.dumps(header).encode())
    digest.update(np.ascontiguousarray(classifier.preprocessing.mean_image))
    for weight in classifier.model.get_weights():
        digest.update(np.ascontiguousarray(weight))
    every = max(1, split.num_examples // _SAMPLED_IMAGES)
    for number, (key, label, id) in enumerate(_rows(split)):
        digest.update(b"%d %s\n" % (label, id))
        if number % every == 0:
            with contextlib.suppress(OSError):
                digest.update(hashlib.sha256(split.read(key)).digest())
    return digest.hexdigest()[:32]


def _rows(split):
    # Some at once, for a million images; not many, for keys that are whole files.
    for batch in split.stream().batch(64).as_numpy_iterator():
        yield from zip(batch["key"], batch["label"], batch["id"], strict=True)


class FeatureCache:
    """The files of one network and one data set.

    Args:
        root: folder of all caches.
        key: from `fingerprint`.
    """

    def __init__(self, root: Path, key: str):
        self.folder = Path(root) / key
        self._checked = {}

    def has(self, layer: int) -> bool:
        """Whether a layer's features are there and whole; damaged ones are named."""
        if "labels" not in self._checked:
            self._checked["labels"] = self._is_whole("labels.npy")
        if layer not in self._checked:
            self._checked[layer] = self._is_whole(f"layer{layer}.npy")
        return (
            self._checked["labels"]
            and self._checked[layer]
            and self._manifest("labels")["crc32"]
            == self._manifest(f"layer{layer}")["labels"]
        )

    def read(self, layer: int) -> np.ndarray:
        """The features of a layer as a memory map, (n_images, n_features)."""
        rows = len(self.read_labels()[0])
        return np.load(self.folder / f"layer{layer}.npy", mmap_mode="r")[:rows]

    def read_labels(self) -> tuple[np.ndarray, np.ndarray]:
        """Labels, and places in the split, of the images; int64 (n_images,)."""
        rows = np.load(self.folder / "labels.npy", allow_pickle=False)
        return rows[0], rows[1]

    @contextlib.contextmanager
    def writing(self, sizes: Mapping[int, int], n_images: int, dtype: str):
        """Opens files for some layers; they are there once the block ends well.

        Args:
            sizes: layer -> number of features.
            n_images: at most so many will be added.
            dtype: of the features.

        Yields:
            A `Writer`.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._remove_dead()
        writer = Writer(self.folder, sizes, n_images, dtype)
        try:
            yield writer
            writer.finish()
        finally:
            writer.remove_aside()
        self._checked = {}

    def _manifest(self, name) -> dict:
        return read_json(self.folder / f"{name}.json")

    def _remove_dead(self):
        """Removes what runs that were killed have left."""
        for path in self.folder.glob(".*.npy.*"):
            with contextlib.suppress(OSError):  # another run may remove it, too
                if time.time() - path.stat().st_mtime > _DEAD_SECONDS:
                    path.unlink()

    def _is_whole(self, name):
        path = self.folder / name
        try:
            manifest = read_json(path.with_suffix(".json"))
            if _checksum(path) == manifest["crc32"] and "labels" in manifest:
                return True
        except FileNotFoundError:
            return False
        except (OSError, ValueError, KeyError, TypeError):
            pass
        logger.warning("%s is damaged; computing it anew", path)
        return False


class Writer:
    """Adds images to the files of several layers.

    Args:
        folder: where they go in the end.
        sizes: layer -> number of features.
        n_images: room for so many.
        dtype: of the features.
    """

    def __init__(self, folder, sizes, n_images, dtype):
        self._folder = folder
        self._token = secrets.token_hex(4)
        self._count = 0
        self._rows = np.zeros((2, n_images), np.int64)
        self._files = {}
        for layer, size in sizes.items():
            path = self._aside(f"layer{layer}.npy")
            self._files[layer] = open(path, "wb")
            header = {
                "descr": np.lib.format.dtype_to_descr(np.dtype(dtype)),
                "fortran_order": False,
                "shape": (n_images, size),
            }
            np.lib.format.write_array_header_2_0(self._files[layer], header)

    def add(
        self, features: Mapping[int, np.ndarray], labels: np.ndarray, positions
    ) -> None:
        """Adds a batch.

        Args:
            features: layer -> (batch, n_features).
            labels: (batch,).
            positions: (batch,), places in the split.
        """
        for layer, file in self._files.items():
            file.write(np.ascontiguousarray(features[layer]).data)
        rows = slice(self._count, self._count + len(labels))
        self._rows[0, rows], self._rows[1, rows] = labels, positions
        self._count += len(labels)

    def finish(self) -> None:
        """Puts the files in their places, each with its checksum."""
        if self._count == 0:
            raise RunError("no image could be read")
        labels = self._aside("labels.npy")
        with open(labels, "wb") as file:
            np.save(file, self._rows[:, : self._count])
        paths = {"labels.npy": labels}
        for layer, file in self._files.items():
            missing = self._rows.shape[1] - self._count
            if missing:  # bad images leave room; the header has counted them
                row = (file.tell() - _header_size(file.name)) // self._count
                file.truncate(file.tell() + missing * row)
            file.flush()
            os.fsync(file.fileno())
            file.close()
            paths[f"layer{layer}.npy"] = Path(file.name)
        # A layer's rows are those of one list of images: an image that could not be
        # read once may be readable the next time, and then the others are stale.
        of_labels = _checksum(labels)
        for name, path in paths.items():
            checksum = _checksum(path)
            os.replace(path, self._folder / name)
            record = {"crc32": checksum, "images": self._count, "labels": of_labels}
            write_json((self._folder / name).with_suffix(".json"), record)

    def remove_aside(self) -> None:
        """Removes what has not found its place."""
        for file in self._files.values():
            file.close()
        for name in ("labels.npy", *(f"layer{layer}.npy" for layer in self._files)):
            self._aside(name).unlink(missing_ok=True)

    def _aside(self, name) -> Path:
        return self._folder / f".{name}.{self._token}"


def _header_size(path) -> int:
    with open(path, "rb") as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_2_0(file)
        return file.tell()


def _checksum(path: Path) -> int:
    value = 0
    for chunk in _chunks(path):
        value = zlib.crc32(chunk, value)
    return value


def _chunks(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
