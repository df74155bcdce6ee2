"""Lists the image files that a user names: files, and those in folders."""

import os
from collections.abc import Sequence
from pathlib import Path

from zfkeras.errors import UsageError


def image_paths(names: Sequence[str | os.PathLike]) -> list[Path]:
    """Lists the files named and those of the folders named, without hidden ones."""
    files = []
    for name in map(Path, names):
        if not name.exists():
            raise FileNotFoundError(f"no such photograph: {name}")
        if not name.is_dir():
            files.append(name)
            continue
        inside = [p for p in name.iterdir() if p.is_file() and not is_hidden(p.name)]
        if not inside:
            raise UsageError(
                f"{name} holds no files; of folders in it, name those: {name}/*"
            )
        files += sorted(inside)
    return files


def is_hidden(name: str) -> bool:
    """Says whether a file's name, or that of a folder above it, is not for users."""
    # __MACOSX is where the macOS Finder puts a second, unreadable "._x.jpg" of a file;
    # the other two are what Windows leaves in folders of photographs.
    return any(
        part.startswith((".", "__MACOSX")) or part in ("Thumbs.db", "desktop.ini")
        for part in name.split("/")
    )
