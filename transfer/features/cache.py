"""Where features lie on disk: one folder for a network and a data set, a file a layer.

A file takes its name only when it is complete. A run that was killed is continued. Of
two runs at once, one waits while the other computes.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from transfer.features.writer import FeatureWriter
from zfkeras.data.split import Split
from zfkeras.errors import RunError
from zfkeras.io.file_names import layer_stem
from zfkeras.io.files import crc32, read_json, warn_of_damage
from zfkeras.io.locks import claimed
from zfkeras.models.classifier import Classifier
from zfkeras.models.fingerprint import images_digest, network_digest

# Raised whenever files of before would be read wrongly.
FORMAT = 1


def default_cache() -> Path:
    """Where features go unless told: $XDG_CACHE_HOME/zfkeras, or ~/.cache/zfkeras."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "zfkeras" / "features"


def fingerprint(classifier: Classifier, split: Split, data: str, dtype: str) -> str:
    """A name for what a network computes of a split, 32 hexadecimal digits."""
    network = network_digest(classifier.model, classifier.preprocessing)
    parts = [FORMAT, dtype, data, network, images_digest(split)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


class FeatureCache:
    """The files of one network and one data set."""

    def __init__(self, root: Path, key: str):
        self.folder = Path(root) / key
        self._opened = {}
        self._warned = set()

    def has(self, layer: int | str) -> bool:
        """Whether a layer's features are there and whole; damaged ones are named."""
        labels, features = self._whole("labels"), self._whole(layer_stem(layer))
        if labels is None or features is None:
            return False
        return features[1]["labels"] == labels[1]["labels"]

    def read(self, layer: int | str) -> np.ndarray:
        """The features of a layer as a memory map, (n_images, n_features).

        What `has` has found whole is what is read, whoever replaces the file meanwhile.
        """
        features, _ = self._whole(layer_stem(layer))
        return features[: len(self.read_labels()[0])]

    def read_labels(self) -> tuple[np.ndarray, np.ndarray]:
        """Labels, and places in the split, of the images; int64 (n_images,)."""
        rows, _ = self._whole("labels")
        return np.array(rows[0]), np.array(rows[1])

    def read_bad_images(self) -> dict[str, str]:
        """{id: reason} of the images that could not be read, and have no rows."""
        return dict(self._whole("labels")[1]["bad_images"])

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """Keeps other processes from computing the same, and waits for one that does.

        What it has computed meanwhile is there.
        """
        with claimed(self.folder, wait=True):
            self._opened = {}
            yield

    @contextlib.contextmanager
    def writing(self, sizes: Mapping[int | str, int], n_images: int, dtype: str):
        """Opens files for some layers; they are there once the block ends well.

        What there is of them when it ends otherwise stays for the next run, but for a
        `RunError`, which is about the images or the network.
        """
        writer = FeatureWriter(self.folder, sizes, n_images, dtype)
        try:
            yield writer
            writer.finish()
        except RunError:
            writer.discard()
            raise
        except BaseException:
            writer.leave()
            raise
        self._opened = {}

    def _whole(self, name: str) -> tuple[np.ndarray, dict] | None:
        """An array and what is known of it, `None` if it is not there or damaged."""
        if self._opened.get(name) is None:
            self._opened[name] = self._open(name)
        return self._opened[name]

    def _open(self, name):
        path = self.folder / f"{name}.npy"
        try:
            manifest = read_json(path.with_suffix(".json"))
            about = {
                "labels": manifest["labels"],
                "bad_images": manifest.get("bad_images", {}),
            }
            # Features take gigabytes: the system is trusted to keep what was written.
            if name == "labels" and crc32(path) != about["labels"]:
                raise ValueError("its checksum does not match")
            return np.load(path, mmap_mode="r", allow_pickle=False), about
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as err:
            if name not in self._warned:
                warn_of_damage(path, err, "computing it anew")
                self._warned.add(name)
            return None
