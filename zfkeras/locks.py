"""One process at a time in a folder, by a lock that dies with its holder.

It is `flock` on a file in the folder: the kernel lets go of it when the process ends,
however it ends, so no lock is ever stale. On NFS it works as far as `flock` does there
(Linux carries it to the server unless it is mounted with `nolock` or `local_lock`); on
a file system without it there is a warning and no lock.
"""

import contextlib
import errno
import json
import logging
import os
import socket
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

from zfkeras.errors import RunError
from zfkeras.invocation import command_line

try:
    import fcntl
except ImportError:  # a system without flock
    fcntl = None

logger = logging.getLogger(__name__)

LOCK_NAME = ".zfkeras-lock"
# How often one who waits looks again.
_POLL_SECONDS = 0.2
# What a file system answers that knows no locks.
_UNKNOWN = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
# Where there are no locks, what was written aside and so long ago belongs to nobody.
_DEAD_SECONDS = 3600


@contextlib.contextmanager
def claimed(folder: Path, *, wait: bool = False, instead: str = "") -> Iterator[None]:
    """Keeps other processes out of a folder while the block runs.

    Args:
        folder: made if it is not there.
        wait: wait for a process that holds it, and say so, in place of refusing.
        instead: what else one can do where it is held, for the message, such as "use
            another --workdir".

    Raises:
        RunError: another process holds it; the message says which.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK_NAME
    lock = _acquire(path)
    if lock is None:
        if not wait:
            remedy = f", or {instead}" if instead else ""
            raise RunError(
                f"{folder} is in use by {_holder(path)}; wait until it ends{remedy}."
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
                os.unlink(path)  # still held: who opened it meanwhile looks again
            os.close(lock)


def lock_file(descriptor: int) -> bool:
    """Locks an open file for this process.

    Args:
        descriptor: of the file; closing it unlocks.

    Returns:
        Whether that succeeded; `False` if another process holds it.

    Raises:
        OSError: the system or the file system knows no locks.
    """
    if fcntl is None:
        raise OSError(errno.ENOSYS, "no locks on this system")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def remove_if_abandoned(path: Path) -> None:
    """Removes a file that whoever wrote it kept locked, unless it still does."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:  # somebody else was quicker, or it is not ours to touch
        return
    try:
        if _is_free(descriptor):
            with contextlib.suppress(OSError):
                os.unlink(path)
    finally:
        os.close(descriptor)


def _is_free(descriptor) -> bool:
    try:
        return lock_file(descriptor)
    except OSError:
        return time.time() - os.fstat(descriptor).st_mtime > _DEAD_SECONDS


def _acquire(path) -> int | None:
    """The file at a path, locked; -1 without locks, `None` if another holds it."""
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
            logger.warning("%s cannot be locked; let no two runs meet there", path)
            return -1
        if is_at(lock, path):
            _sign(lock)
            return lock
        os.close(lock)  # whoever held it has removed it as it ended


def _sign(lock) -> None:
    """Says in the file who holds it; of no consequence if the disk is full."""
    holder = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "command": command_line(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
    }
    with contextlib.suppress(OSError):
        os.truncate(lock, 0)
        os.pwrite(lock, json.dumps(holder).encode(), 0)


def _holder(path) -> str:
    """Who holds a lock, in words."""
    try:
        known = json.loads(Path(path).read_text(encoding="utf-8"))
        command = textwrap.shorten(known["command"], 60, placeholder=" ...")
        return (
            f"process {known['pid']} on {known['host']} ({command}, since "
            f"{known['since']})"
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "another process"
