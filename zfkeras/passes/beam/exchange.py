"""Copies files to and from where Beam can write; a file there is complete or absent."""

import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path


def existing(folder: str) -> set[str]:
    """Returns the paths of the shards in a folder."""
    files = _file_systems()
    found = files.match([f"{folder}/*.zip"])[0].metadata_list
    return {one.path for one in found}


def remove(paths: Iterable[str]) -> None:
    """Removes those files of `paths` that exist."""
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
