"""Lists the image files that a user names: files, and those in folders."""

import os
from collections.abc import Sequence
from pathlib import Path

from zfkeras.data.files.folder_files import is_hidden
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
