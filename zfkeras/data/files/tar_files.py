"""Files in a tar archive, read in place, also where the archive lies inside a zip.

Nothing is ever unpacked to a file of its own: a member's name cannot lead anywhere, and
links and devices are passed over.
"""

import bz2
import contextlib
import gzip
import lzma
import os
import tarfile
import tempfile
import weakref
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from zfkeras.data.files.archives import (
    BROKEN_ZIP,
    Files,
    FolderFiles,
    ZipFiles,
    existing,
    is_hidden,
    leads_nowhere_is,
    open_member,
)
from zfkeras.data.files.image_file import MAX_FILE_BYTES
from zfkeras.errors import UsageError

TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")

_UNPACKERS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
_CHUNK = 1 << 20

# A compressed archive may unpack to this many times its size, or to this many bytes if
# that is more. Archives of photographs grow by a tenth; a bomb grows a thousandfold.
_MAX_GROWTH, _FREE_BYTES = 100, 2**30

# What reading a broken, hostile or encrypted archive raises. A MemoryError comes of a
# header that claims to be long.
_BROKEN = (*BROKEN_ZIP, tarfile.TarError, lzma.LZMAError, gzip.BadGzipFile)


class TarFiles(Files):
    """The regular files of a tar archive."""

    def __init__(self, path: Path, member: str | None = None):
        self.path = Path(path)
        self.folders = set()
        self._places = {}
        try:
            with (
                leads_nowhere_is(tarfile.ReadError),
                _seekable(self.path, member) as file,
            ):
                self._list(file)
                self._descriptor = os.dup(file.fileno())
        except _BROKEN as err:
            raise self._broken(err, member) from err
        weakref.finalize(self, os.close, self._descriptor)
        self.names = sorted(self._places)

    def _broken(self, err, member):
        what = f"{self.path}: {member}" if member else self.path
        return UsageError(
            f"{what} is not a whole tar archive ({err}); download it again."
        )

    def _list(self, file):
        reached = -1
        with tarfile.open(fileobj=file, mode="r:") as archive:
            for member in archive:
                # Before Python 3.11.14 a negative size leads back, again and again.
                if member.size < 0 or member.offset <= reached:
                    raise tarfile.ReadError("a member of negative size")
                reached = member.offset
                name = member.name.removeprefix("./")
                if member.isdir():
                    self.folders.add(name)
                elif member.isreg() and not member.issparse() and not is_hidden(name):
                    # The last one of a name counts, as for `tar --extract`.
                    self._places[name] = (member.offset_data, member.size)
                archive.members.clear()  # which would hold a kilobyte a member

    def key(self, name):
        return os.fsencode(name)

    def read(self, key):
        name = os.fsdecode(key)
        if name not in self._places:
            raise OSError(f"{self.path}: cannot read {name}: no such member")
        offset, size = self._places[name]
        if size > MAX_FILE_BYTES:
            raise OSError(f"{self.path}: {name} is too large: over 512 MB")
        content = os.pread(self._descriptor, size, offset)
        if len(content) < size:
            raise OSError(f"{self.path}: cannot read {name}: the archive has shrunk")
        return content


def open_files(path: str | os.PathLike, layout: str) -> Files:
    """Lists the files of a folder, a (compressed) tar, a zip, or a zip of a tar."""
    path = existing(path, layout)
    if path.is_dir():
        return FolderFiles(path)
    if zipfile.is_zipfile(path) or path.suffix.lower() == ".zip":
        files = ZipFiles(path)
        tars = [name for name in files.names if name.lower().endswith(TAR_ENDINGS)]
        return TarFiles(path, tars[0]) if len(tars) == 1 else files
    if not (path.is_file() and (_is_tar(path) or is_tar_name(path.name))):
        raise UsageError(
            f"{path} is neither a folder nor a zip or tar archive; expected {layout}."
        )
    return TarFiles(path)


def is_tar_name(name: str) -> bool:
    """Says whether a file is called like a tar archive."""
    return name.lower().endswith(TAR_ENDINGS)


def _is_tar(path):
    with contextlib.suppress(OSError, *_BROKEN):
        return tarfile.is_tarfile(path)
    return False


def _seekable(path: Path, member: str | None) -> IO[bytes]:
    """Opens the archive as a plain tar in a file of the system's own."""
    with _opened(path, member) as packed:
        begin = packed.read(8)
        packed.seek(0)
        unpack = next((u for b, u in _UNPACKERS.items() if begin.startswith(b)), None)
        if unpack is None and member is None:
            return open(path, "rb")
        copy = tempfile.TemporaryFile()
        try:
            with unpack(packed) if unpack else packed as plain:
                _copy(plain, copy, max(_FREE_BYTES, _MAX_GROWTH * path.stat().st_size))
            copy.flush()
            copy.seek(0)
        except BaseException:
            copy.close()
            raise
        return copy


def _copy(plain, copy, most):
    while content := plain.read(_CHUNK):
        if copy.tell() + len(content) > most:
            raise tarfile.ReadError(f"it unpacks to more than {most / 1e6:,.0f} MB")
        copy.write(content)


@contextlib.contextmanager
def _opened(path: Path, member: str | None) -> Iterator[IO[bytes]]:
    if member is None:
        with open(path, "rb") as file:
            yield file
        return
    with zipfile.ZipFile(path) as archive:
        with open_member(archive, archive.getinfo(member)) as file:
            yield file
