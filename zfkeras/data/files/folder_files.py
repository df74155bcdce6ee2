"""The files in a folder, by name; it knows nothing of classes."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from zfkeras.data.files.image_file import read_file
from zfkeras.data.files.image_paths import is_hidden
from zfkeras.data.split import ListedSplit
from zfkeras.errors import UsageError

# Bytes of the longest text file: a hundred times the longest list of a data set.
_MAX_TEXT_BYTES = 2**24


class Files:
    """The files in a folder and the folders below it.

    Args:
        folder: the folder that is listed; links are followed once.
        path: what error messages name, such as the archive that was unpacked into
            `folder`. `None` (default): the folder.
    """

    def __init__(self, folder: Path, path: Path | None = None):
        self.folder = Path(folder)
        self.path = path or self.folder
        walk = _Walk()
        self.names = sorted(walk.list_files(self.folder))
        self.repeated = walk.repeated

    def key(self, name: str) -> bytes:
        """Returns what `read` takes for the file called `name`."""
        return os.fsencode(os.path.join(self.folder, name))

    def read(self, key: bytes) -> bytes:
        """Returns the content of a file; safe to call from several threads."""
        return read_file(key)

    def read_lines(self, name: str) -> list[str]:
        """Returns the lines of a text file."""
        try:
            content = self.read(self.key(name))
        except OSError as err:
            raise UsageError(f"{self.path}: {name} cannot be read: {err}") from err
        if len(content) > _MAX_TEXT_BYTES:
            raise UsageError(f"{self.path}: {name} is too long for a list: over 16 MB.")
        return content.decode("utf-8", "replace").splitlines()

    def split(
        self,
        names: Sequence[str],
        labels: Sequence[int],
        ids: Sequence[str] | None = None,
        targets: np.ndarray | None = None,
    ) -> ListedSplit:
        """Makes a split of some of these files."""
        return ListedSplit(
            keys=np.array([self.key(name) for name in names], dtype=bytes),
            labels=np.array(labels, dtype=np.int64),
            ids=np.array([os.fsencode(i) for i in ids or names], dtype=bytes),
            targets=targets,
        )


def existing(path: str | os.PathLike, layout: str) -> Path:
    """Returns `path` with `~` resolved."""
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; expected {layout}.")
    return path


class _Walk:
    """Lists the files below a folder; each file and each folder comes once."""

    def __init__(self):
        self.repeated = 0
        self._seen, self._links = set(), []

    def list_files(self, root: Path) -> Iterator[str]:
        """Names of the files; a linked one comes only if its own name does not."""
        yield from self._list_real(root, "")
        while self._links:
            name, path = self._links.pop(0)
            try:
                status = os.stat(path)
            except OSError:  # a link to nothing is found when it is read
                yield name
                continue
            if stat.S_ISDIR(status.st_mode):
                yield from self._list_real(path, f"{name}/")
            elif self._is_new(status.st_dev, status.st_ino):
                yield name

    def _list_real(self, folder, prefix: str) -> Iterator[str]:
        """Files of one folder and of the real folders below it; links are put aside."""
        status = os.stat(folder)
        if not self._is_new(status.st_dev, status.st_ino):
            return
        with os.scandir(folder) as entries:
            shown = [entry for entry in entries if not is_hidden(entry.name)]
        for entry in sorted(shown, key=lambda entry: entry.name):
            name = prefix + entry.name
            if entry.is_symlink():
                self._links.append((name, entry.path))
            elif entry.is_dir():
                yield from self._list_real(entry.path, f"{name}/")
            elif self._is_new(status.st_dev, entry.inode()):
                yield name

    def _is_new(self, device: int, inode: int) -> bool:
        """Notes a file or folder; says whether it is new. Without inodes each is."""
        if inode and (device, inode) in self._seen:
            self.repeated += 1
            return False
        self._seen.add((device, inode))
        return True
