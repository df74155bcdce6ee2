"""Features on their way to the disk: what has been computed survives the process.

It adds rows to a file a layer, beside their places in the cache, and notes from time to
time how far it has come; the next run goes on from there. It computes nothing.
"""

import contextlib
import json
import logging
import os
import time
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from zfkeras.errors import RunError
from zfkeras.io.arrays import read_arrays
from zfkeras.io.file_names import layer_stem
from zfkeras.io.files import (
    crc32,
    raise_system_errors,
    remove_leftovers,
    warn_of_damage,
    write_json,
    written_whole,
)

logger = logging.getLogger(__name__)

# How often it is noted how far the work has come, at most.
SAVE_SECONDS = 60
_PROGRESS = ".part.npz"
_CHUNK = 1 << 24


class FeatureWriter:
    """Adds images to the files of several layers, from where a former run has come to.

    The folder must be claimed: two writers would meet in the same files.
    """

    def __init__(
        self, folder: Path, sizes: Mapping[int | str, int], n_images: int, dtype
    ):
        self._folder = Path(folder)
        self._sizes = dict(sizes)
        self._dtype = np.dtype(dtype)
        self._n_images = n_images
        self._rows = np.zeros((2, n_images), np.int64)
        self._saved = time.monotonic()
        self._files = {}
        remove_leftovers(self._folder)
        if not self._resume():
            self._begin()

    def add(
        self, features: Mapping[int | str, np.ndarray], labels: np.ndarray, positions
    ) -> None:
        """Adds a batch.

        Shapes: `labels` (batch,), `positions` (batch,).
        """
        for layer in self._files:
            self._write(layer, np.ascontiguousarray(features[layer]))
        rows = slice(self._count, self._count + len(labels))
        self._rows[0, rows], self._rows[1, rows] = labels, positions
        self._count += len(labels)
        self.next_position = int(positions[-1]) + 1

    def save_if_due(self, bad_images: Mapping[str, str]) -> None:
        """Notes how far the work has come, if that was long ago."""
        if time.monotonic() - self._saved >= SAVE_SECONDS:
            self.save(bad_images)

    def save(self, bad_images: Mapping[str, str]) -> None:
        """Notes how far the work has come."""
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())
        about = {
            **self._settings(),
            "count": self._count,
            "next_position": self.next_position,
            "crc32": {layer_stem(layer): crc for layer, crc in self._crc32.items()},
            "bad_images": dict(bad_images),
        }
        with written_whole(self._folder / _PROGRESS) as file:
            text = np.frombuffer(json.dumps(about).encode(), np.uint8)
            np.savez(file, about=text, rows=self._rows[:, : self._count])
        self._saved = time.monotonic()

    def finish(self) -> None:
        """Moves the files to their places."""
        if self._count == 0:
            raise RunError("no image could be read")
        for layer, size in self._sizes.items():
            # Bad images leave room; the header has counted them.
            missing = (self._n_images - self._count) * size * self._dtype.itemsize
            for start in range(0, missing, _CHUNK):
                zeros = bytes(min(_CHUNK, missing - start))
                self._write(layer, np.frombuffer(zeros, np.uint8))
        labels = self._folder / "labels.npy"
        with written_whole(labels) as file:
            np.save(file, self._rows[:, : self._count], allow_pickle=False)
            file.flush()
            of_labels = crc32(file.name)
            self._describe(labels, of_labels, bad_images=dict(self.bad_images))
        # A layer's rows are those of one list of images: an image that could not be
        # read once may be readable the next time, and then the others are stale.
        for layer, file in self._files.items():
            file.flush()
            os.fsync(file.fileno())
            file.close()
            # A process that is killed behind this leaves a description without a file,
            # which is not read, and all that the next run needs to finish.
            self._place(layer).unlink(missing_ok=True)
            self._describe(self._place(layer), of_labels)
            os.replace(file.name, self._place(layer))
        self.discard()

    def leave(self) -> None:
        """Leaves to the next run what it can go on with, and nothing else."""
        if (self._folder / _PROGRESS).exists():
            self.close()
        else:
            self.discard()

    def close(self) -> None:
        """Closes the files."""
        for file in self._files.values():
            with contextlib.suppress(OSError):  # what is buffered may find no room
                file.close()

    def discard(self) -> None:
        """Removes what has not found its place."""
        self.close()
        (self._folder / _PROGRESS).unlink(missing_ok=True)
        for path in self._folder.glob(".part-*.npy"):
            path.unlink(missing_ok=True)

    def _write(self, layer: int | str, array: np.ndarray) -> None:
        self._files[layer].write(array.data)
        self._crc32[layer] = zlib.crc32(array.data, self._crc32[layer])

    def _describe(self, path: Path, of_labels: int, **more) -> None:
        record = {"images": self._count, "labels": of_labels, **more}
        write_json(path.with_suffix(".json"), record)

    def _begin(self) -> None:
        self.discard()
        self._count, self.next_position, self.bad_images = 0, 0, {}
        self._crc32 = {}
        for layer, size in self._sizes.items():
            file = open(self._part(layer), "w+b")
            self._files[layer] = file
            header = {
                "descr": np.lib.format.dtype_to_descr(self._dtype),
                "fortran_order": False,
                "shape": (self._n_images, size),
            }
            np.lib.format.write_array_header_2_0(file, header)
            file.flush()
            self._crc32[layer] = crc32(self._part(layer))

    def _resume(self) -> bool:
        """Takes up what a former run has noted, if it is sound and of this request."""
        where = self._folder / _PROGRESS
        try:
            arrays = read_arrays(where)
            about = json.loads(arrays["about"].tobytes())
            wanted, found = self._settings(), {k: about[k] for k in self._settings()}
            # A run that was killed as it finished has put some layers in their places.
            found["sizes"] = {
                k: v for k, v in found["sizes"].items() if k in wanted["sizes"]
            }
            if found != wanted:
                return False
            self._count = about["count"]
            self._rows[:, : self._count] = arrays["rows"]
            checksums = about["crc32"]
            self._crc32 = {layer: checksums[layer_stem(layer)] for layer in self._sizes}
            for layer, size in self._sizes.items():
                where = self._part(layer)
                self._take_up(layer, self._count * size * self._dtype.itemsize)
        except FileNotFoundError:
            self.close()
            return False
        # Damaged bytes make zipfile and NumPy raise nearly everything there is.
        except Exception as err:
            self.close()
            raise_system_errors(err)
            warn_of_damage(where, err, "computing the features from the beginning")
            return False
        logger.info("the features go on behind %d images", about["next_position"])
        self.next_position, self.bad_images = (
            about["next_position"],
            about["bad_images"],
        )
        return True

    def _take_up(self, layer: int | str, content: int) -> None:
        """Opens the file of a layer behind what was noted, which must be whole."""
        file = open(self._part(layer), "r+b")
        self._files[layer] = file
        length = header_size(file) + content
        if crc32(self._part(layer), length) != self._crc32[layer]:
            raise ValueError("it has changed")
        file.truncate(length)
        file.seek(length)

    def _settings(self) -> dict:
        return {
            "n_images": self._n_images,
            "dtype": self._dtype.name,
            "sizes": {layer_stem(layer): size for layer, size in self._sizes.items()},
        }

    def _place(self, layer: int | str) -> Path:
        return self._folder / f"{layer_stem(layer)}.npy"

    def _part(self, layer: int | str) -> Path:
        return self._folder / f".part-{layer_stem(layer)}.npy"


def header_size(file) -> int:
    """Length of the header that `FeatureWriter` wrote, in bytes; reads past it."""
    file.seek(0)
    np.lib.format.read_magic(file)
    np.lib.format.read_array_header_2_0(file)
    return file.tell()
