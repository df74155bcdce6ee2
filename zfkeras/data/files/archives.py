"""Files under one root, by name: those of a folder, or of a zip that is read in place.

It lists names and reads bytes; it never unpacks, and it knows nothing of classes.
"""

import abc
import contextlib
import errno
import os
import stat
import struct
import threading
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from zfkeras.data.files.image_file import MAX_FILE_BYTES, read_file
from zfkeras.data.split import ListedSplit
from zfkeras.errors import UsageError

# Bytes of the longest text file: a hundred times the longest list of a data set.
_MAX_TEXT_BYTES = 2**24

# What zipfile raises for broken and hostile archives. RuntimeError: a password;
# NotImplementedError is one, too.
BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    KeyError,  # no such member
    RuntimeError,
    ValueError,
    OverflowError,
    MemoryError,
)


class Files(abc.ABC):
    """The files under one folder or archive; subclasses say how they are read."""

    path: Path
    names: list[str]
    repeated: int = 0

    @abc.abstractmethod
    def key(self, name: str) -> bytes:
        """Returns what `read` takes for the file called `name`."""

    @abc.abstractmethod
    def read(self, key: bytes) -> bytes:
        """Returns the content of a file; safe to call from several threads."""

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
            read_key=self.read,
            targets=targets,
        )


class FolderFiles(Files):
    """The files in a folder and the folders below it; links are followed once."""

    def __init__(self, path: Path):
        self.path = Path(path)
        walk = _Walk()
        self.names = sorted(walk.list_files(self.path))
        self.repeated = walk.repeated

    def key(self, name):
        return os.fsencode(os.path.join(self.path, name))

    def read(self, key):
        return read_file(key)


class ZipFiles(Files):
    """The members of a zip archive."""

    def __init__(self, path: Path):
        self.path = Path(path)
        try:
            with leads_nowhere_is(zipfile.BadZipFile):
                self._zip = zipfile.ZipFile(self.path)
        except BROKEN_ZIP as err:
            raise UsageError(
                f"{self.path} is not a whole zip archive ({err}); download it again."
            ) from err
        names = {info.filename for info in self._zip.infolist()}
        # Not by ZipInfo.is_dir, which fails at a name of no letters.
        self.names = sorted(
            name
            for name in names
            if name and not name.endswith("/") and not is_hidden(name)
        )
        # One archive behind a lock, because one for each thread would list its members
        # once more for each thread: half a second, and 60 MB, for Tiny ImageNet.
        self._lock = threading.Lock()

    def key(self, name):
        return name.encode("utf-8", "surrogateescape")

    def read(self, key):
        name = key.decode("utf-8", "surrogateescape")
        try:
            member = self._zip.getinfo(name)
            if member.file_size > MAX_FILE_BYTES:
                raise OSError(f"{self.path}: {name} is too large: over 512 MB")
            with (
                leads_nowhere_is(zipfile.BadZipFile),
                self._lock,
                open_member(self._zip, member) as file,
            ):
                # Not all there is, which may be far more than the archive says; and one
                # byte more than that, so that the checksum is looked at.
                return file.read(member.file_size + 1)
        except BROKEN_ZIP as err:
            raise OSError(f"{self.path}: cannot read {name}: {err}") from err


@contextlib.contextmanager
def leads_nowhere_is(error: type[Exception]) -> Iterator[None]:
    """Raises `error` where an archive leads to a place before its own beginning."""
    try:
        yield
    except OSError as err:
        if err.errno != errno.EINVAL:
            raise
        raise error("a place before its beginning") from err


def open_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    """Opens a member of a zip; reading n bytes takes the memory of n bytes."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise NotImplementedError("compressed by neither store nor deflate")
    return archive.open(member)


def open_files(path: str | os.PathLike, layout: str) -> Files:
    """Lists what is in a folder or a zip archive."""
    path = existing(path, layout)
    if path.is_dir():
        return FolderFiles(path)
    if path.suffix.lower() != ".zip" and not zipfile.is_zipfile(path):
        raise UsageError(
            f"{path} is neither a folder nor a zip archive; expected {layout}."
        )
    return ZipFiles(path)


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


def is_hidden(name: str) -> bool:
    """Says whether a file's name, or that of a folder above it, is not for users."""
    # __MACOSX is where the macOS Finder puts a second, unreadable "._x.jpg" of a file;
    # the other two are what Windows leaves in folders of photographs.
    return any(
        part.startswith((".", "__MACOSX")) or part in ("Thumbs.db", "desktop.ini")
        for part in name.split("/")
    )
