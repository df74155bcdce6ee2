"""Zip and tar archives: unpacked once into the cache, and then read as folders.

An archive of archives, as Caltech-101 is published, is unpacked with those in it. Only
regular files are written, and of those only what may be an image or a list.
"""

import errno
import functools
import hashlib
import logging
import lzma
import os
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from tqdm import tqdm

from zfkeras.data.files.folder_files import Files, existing
from zfkeras.data.files.image_paths import is_hidden
from zfkeras.data.files.image_types import is_image_type, may_be_image
from zfkeras.data.published.finding import cache_folder
from zfkeras.errors import RunError, UsageError
from zfkeras.io.files import is_disk_full, raise_system_errors
from zfkeras.io.locks import claimed

_log = logging.getLogger(__name__)

_ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_CHUNK = 1 << 20

# An archive may unpack to this many times its size, or to this many bytes if that is
# more. Archives of photographs grow by a tenth; a bomb grows a thousandfold.
_MAX_GROWTH, _FREE_BYTES = 100, 2**30

# Headers of tar that hold a name or other facts, which tarfile reads in one piece.
_READ_WHOLE = b"xgLKX"
_LONGEST = 2**20

# What a system says of names that an archive should not have: too long, or both a file
# and a folder.
_OF_NAMES = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST)

# What reading a broken, hostile or encrypted archive raises. An OSError comes of gzip,
# bz2 and names, too.
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    lzma.LZMAError,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    OverflowError,
)


def open_files(path: str | os.PathLike, layout: str) -> Files:
    """Lists the files of a folder, or of an archive, which is unpacked first."""
    path = existing(path, layout)
    return Files(path) if path.is_dir() else open_archives([path], path, layout)


def open_archives(archives: Sequence[Path], path: Path, layout: str) -> Files:
    """Lists the files of archives that make up one folder; messages name `path`."""
    digest = hashlib.sha256()
    for archive in archives:
        status = archive.stat()
        known = (os.fspath(archive.resolve()), status.st_size, status.st_mtime_ns)
        digest.update(repr(known).encode("utf-8", "surrogateescape"))
    room = cache_folder() / "unpacked"
    folder = room / f"{archives[0].name[:50]}-{digest.hexdigest()[:16]}"
    if not folder.is_dir():
        with claimed(room, wait=True):
            if not folder.is_dir():
                _unpack(archives, folder, layout)
    return Files(folder, path)


def _unpack(archives, folder, layout) -> None:
    """Unpacks into a folder that is whole or absent."""
    aside = folder.with_name(".unpacking")
    shutil.rmtree(aside, ignore_errors=True)  # of a process that was killed
    aside.mkdir()
    try:
        for archive in archives:
            try:
                with tqdm(
                    desc=f"unpacking {archive.name}", unit="B", unit_scale=True, delay=1
                ) as bar:
                    _Unpacking(archive, aside, bar).unpack(archive, aside)
            except UsageError:  # it says what to do
                raise
            except _BROKEN as err:
                raise _error(archive, folder, layout, err) from err
        os.replace(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    _log.info("unpacked %s into %s", ", ".join(map(str, archives)), folder)


def _error(archive, folder, layout, err) -> Exception:
    if is_disk_full(err):
        return RunError(
            f"no space left to unpack {archive} into {folder.parent}. Free some space, "
            "or set XDG_CACHE_HOME to a folder on a larger disk."
        )
    if getattr(err, "errno", None) not in _OF_NAMES:
        raise_system_errors(err)
    # Of a file that is no tar archive, what each of four decompressors said follows.
    reason = str(err).partition("\n")[0].rstrip(":")
    return UsageError(
        f"{archive} is not a whole zip or tar archive ({reason}); download it again. "
        f"Expected {layout}."
    )


class _Unpacking:
    """One archive on its way to a folder, and what may still be unpacked of it."""

    def __init__(self, archive: Path, folder: Path, bar: tqdm):
        self._most = max(_FREE_BYTES, _MAX_GROWTH * archive.stat().st_size)
        self._free = shutil.disk_usage(folder).free
        self._size, self._bar = 0, bar

    def unpack(self, archive: Path, folder: Path, is_inner: bool = False) -> None:
        """Writes the members of an archive that are wanted, and those of inner ones."""
        inner, has_images = [], False
        for name, size, opened in _members(archive):
            self._count(size)
            is_archive = name.lower().endswith(_ENDINGS) and not is_inner
            if is_hidden(name) or not (is_archive or _is_wanted(name)):
                continue
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with opened() as member, open(path, "wb") as file:
                shutil.copyfileobj(member, file, _CHUNK)
            self._bar.update(size)
            inner += [path] if is_archive else []
            has_images |= is_image_type(name)
        for path in inner:
            if not has_images:
                self.unpack(path, path.parent, is_inner=True)
            path.unlink()

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > self._most:
            raise tarfile.ReadError(f"it holds more than {self._most / 1e6:,.0f} MB")
        if self._size > self._free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _is_wanted(name: str) -> bool:
    return may_be_image(name) or name.endswith(".txt")


def _members(path: Path) -> Iterator[tuple[str, int, Callable[[], IO[bytes]]]]:
    """Yields the name, the size and a way to open each regular file of an archive."""
    kind = _zip_members if zipfile.is_zipfile(path) else _tar_members
    for name, *rest in kind(path):
        name = name.removeprefix("./")
        if name.startswith("/") or ".." in name.split("/"):
            raise tarfile.ReadError(f"a path that leads out of it: {name!r}")
        if name:
            yield name, *rest


def _zip_members(path):
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.filename.endswith("/"):
                continue
            # The others are unpacked all at once, however much is asked for.
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise UsageError(
                    argument=str(path),
                    received=f"{member.filename}, compressed otherwise",
                    expected="a zip whose files are stored or deflated",
                    remedy="Pack it again.",
                )
            opened = functools.partial(archive.open, member)
            yield member.filename, member.file_size, opened


class _Header(tarfile.TarInfo):
    """A member whose header is refused before what it claims is read."""

    @classmethod
    def frombuf(cls, buf, encoding, errors):
        header = super().frombuf(buf, encoding, errors)
        # Before Python 3.11.14 a negative size leads back, again and again.
        if header.size < 0 or (header.type in _READ_WHOLE and header.size > _LONGEST):
            raise tarfile.ReadError(f"a header of {header.size} bytes")
        return header


def _tar_members(path):
    reached = -1
    with tarfile.open(path, tarinfo=_Header) as archive:
        for member in archive:
            if member.offset <= reached:  # a size in words may be negative, too
                raise tarfile.ReadError("a member of negative size")
            reached = member.offset
            if member.isreg():
                opened = functools.partial(archive.extractfile, member)
                yield member.name, member.size, opened
            archive.members.clear()  # which would hold a kilobyte a member
