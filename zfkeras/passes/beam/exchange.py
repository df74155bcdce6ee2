"""Files by which workers hand on what they find, wherever Beam can write.

A file takes its name only when it is complete, and its parts carry checksums. It knows
nothing of what is in them.
"""

import contextlib
import json
import secrets
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from zfkeras.data.files.archives import BROKEN_ZIP, leads_nowhere_is

_ABOUT = "about.json"


class ShardWriter:
    """Writes batches of arrays to one file; memory holds one batch at a time."""

    def __init__(self, path: str):
        self.path = path
        self._aside = f"{path}.{secrets.token_hex(4)}"
        self._count = 0

    def __enter__(self):
        files = _file_systems()
        _make_folder(self.path.rpartition("/")[0])
        self._file = files.create(self._aside, compression_type="uncompressed")
        self._archive = zipfile.ZipFile(self._file, "w")
        return self

    def add(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Adds a batch: name -> array."""
        for name, array in arrays.items():
            member = f"{self._count}/{name}"
            with self._archive.open(member, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asarray(array), allow_pickle=False)
        self._count += 1

    def finish(self, about: Mapping) -> None:
        """Completes the file."""
        counts = {"batches": self._count, "members": 1 + len(self._archive.namelist())}
        with self._archive.open(_ABOUT, "w") as file:
            file.write(json.dumps({**about, **counts}).encode())
        self._archive.close()
        self._file.close()
        _file_systems().rename([self._aside], [self.path])

    def __exit__(self, kind, *_):
        if kind is not None:
            with contextlib.suppress(ValueError):  # a member is still open
                self._archive.close()
            self._file.close()
            _file_systems().delete([self._aside])


class ShardReader:
    """Reads such a file; all of it is held to its checksums first."""

    def __init__(self, path: str):
        self._file = _file_systems().open(path, compression_type="uncompressed")
        with contextlib.ExitStack() as stack:
            stack.callback(self._file.close)
            try:
                with leads_nowhere_is(zipfile.BadZipFile):
                    self._check()
            except BROKEN_ZIP as err:
                raise DamagedShard(path, err) from err
            stack.pop_all()

    def _check(self):
        self._archive = zipfile.ZipFile(self._file)
        damaged = self._archive.testzip()
        if damaged is not None:
            raise zipfile.BadZipFile(f"its member {damaged} has changed")
        self.about = json.loads(self._archive.read(_ABOUT))
        # One change in the archive's directory can have it pass over a member, or call
        # it by another's name, and all that are left are whole.
        if len({*self._archive.namelist()}) != self.about["members"]:
            raise zipfile.BadZipFile("some of its members are gone")

    def batches(self, names: Sequence[str]) -> Iterator[dict[str, np.ndarray]]:
        """Yields the batches: name -> array."""
        for number in range(self.about["batches"]):
            yield {name: self._array(f"{number}/{name}") for name in names}

    def _array(self, member):
        with self._archive.open(member) as file:
            return np.lib.format.read_array(file, allow_pickle=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()


class DamagedShard(Exception):
    """A file of a worker that cannot be read."""

    def __init__(self, path: str, reason: object):
        super().__init__(f"{path} is damaged ({reason})")
        self.path = path


def existing(folder: str) -> set[str]:
    """The paths of the complete files in a folder of shards."""
    files = _file_systems()
    found = files.match([f"{folder}/*.zip"])[0].metadata_list
    return {one.path for one in found}


def remove(paths: Iterable[str]) -> None:
    """Removes the files that are there of some."""
    files = _file_systems()
    there = [path for path in paths if files.exists(path)]
    if there:
        files.delete(there)


def copy_out(path: str | Path, to: str) -> None:
    """Copies a file of this machine to a path or URL, whole or not at all."""
    files, aside = _file_systems(), f"{to}.{secrets.token_hex(4)}"
    _make_folder(to.rpartition("/")[0])
    with (
        open(path, "rb") as file,
        files.create(aside, compression_type="uncompressed") as copy,
    ):
        shutil.copyfileobj(file, copy)
    files.rename([aside], [to])


def copy_in(path: str, to: str | Path) -> Path:
    """Copies the file at a path or URL to this machine; returns where."""
    with (
        _file_systems().open(path, compression_type="uncompressed") as file,
        open(to, "wb") as copy,
    ):
        shutil.copyfileobj(file, copy)
    return Path(to)


def _make_folder(folder):
    files = _file_systems()
    try:
        if not files.exists(folder):
            files.mkdirs(folder)
    except OSError:  # another worker has made it
        if not files.exists(folder):
            raise


def _file_systems():
    from apache_beam.io.filesystems import FileSystems

    return FileSystems
