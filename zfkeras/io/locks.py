"""One process at a time in a folder.

The lock is `flock` on a file in the folder. The kernel releases it when the process
ends, however it ends, so a lock is never stale. On a file system without locks there is
a warning and no lock.
"""

import contextlib
import errno
import fcntl
import logging
import os
import socket
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

from zfkeras.errors import RunError
from zfkeras.io.invocation import command_line

logger = logging.getLogger(__name__)

LOCK_NAME = ".zfkeras-lock"
_POLL_SECONDS = 0.2
# The error numbers of a file system without locks.
_UNKNOWN = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


@contextlib.contextmanager
def claimed(folder: Path, *, wait: bool = False, instead: str = "") -> Iterator[None]:
    """Keeps other processes out of a folder while the block runs.

    Where another process has the folder, it waits for its end, or raises `RunError`.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK_NAME
    lock = _acquire(path)
    if lock is None:
        if not wait:
            remedy = f", or {instead}" if instead else ""
            holder = _holder(path)
            raise RunError(
                f"{folder} is in use by {holder}; wait until it ends{remedy}.",
                argument=str(folder),
                received=holder,
            )
        logger.warning("waiting for %s, which writes to %s", _holder(path), folder)
        while lock is None:
            time.sleep(_POLL_SECONDS)
            lock = _acquire(path)
    try:
        yield
    finally:
        if lock >= 0:
            with contextlib.suppress(OSError):
                os.unlink(path)  # still locked: a process that opened it tries again
            os.close(lock)


def lock_file(descriptor: int) -> bool:
    """Locks an open file; returns `False` if another process holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_at(descriptor: int, path: Path) -> bool:
    """Returns whether an open file still has that path."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def remove_if_abandoned(path: Path) -> None:
    """Removes a file unless the process that writes it still holds its lock."""
    with contextlib.suppress(OSError):  # already gone, or no locks, or not ours
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        try:
            if lock_file(descriptor):
                os.unlink(path)
        finally:
            os.close(descriptor)


def _acquire(path) -> int | None:
    """Returns the locked file's descriptor; -1 without locks, `None` if it is held."""
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            if not lock_file(lock):
                os.close(lock)
                return None
        except OSError as err:
            os.close(lock)
            if err.errno not in _UNKNOWN:
                raise
            logger.warning("%s cannot be locked; do not run two commands there", path)
            return -1
        if is_at(lock, path):
            _sign(lock)
            return lock
        os.close(lock)  # the process that held it removed it as it ended


def _sign(lock) -> None:
    """Writes into the file who holds it; a full disk does no harm here."""
    command = textwrap.shorten(command_line(), 60, placeholder=" ...")
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    holder = (
        f"process {os.getpid()} on {socket.gethostname()} ({command}, since {since})"
    )
    with contextlib.suppress(OSError):
        os.truncate(lock, 0)
        os.pwrite(lock, holder.encode("utf-8", "replace"), 0)


def _holder(path) -> str:
    """Returns who holds a lock, as `_sign` wrote it."""
    with contextlib.suppress(OSError):
        text = path.read_text(encoding="utf-8", errors="replace")
        return " ".join(text.split())[:200] or "another process"
    return "another process"
