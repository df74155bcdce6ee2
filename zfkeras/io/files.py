"""Files that are complete or absent: written under another name, then renamed."""

import contextlib
import errno
import json
import logging
import math
import os
import re
import secrets
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from zfkeras.io.locks import is_at, lock_file, remove_if_abandoned

logger = logging.getLogger(__name__)

# The end of the name stays, because libraries choose the format by it.
_ASIDE = re.compile(r"\.[0-9a-f]{8}\.(.+)")
_CHUNK = 1 << 24
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_IN_WORDS = ("No space left on device", "Disk quota exceeded")


@contextlib.contextmanager
def written_whole(path: Path, mode: str = "wb", sync: bool = True) -> Iterator[IO]:
    """Opens a file that replaces `path` once the block ends without an exception.

    `sync`: wait until the disk has it; needless where a reader checks its checksums.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent, path.name)
    file = _open_aside(path, mode)
    try:
        with file:
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
            # The lock is still held, so no other process removes the file.
            os.replace(file.name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(file.name)
        raise


def _open_aside(path: Path, mode: str) -> IO:
    text = {} if "b" in mode else {"encoding": "utf-8", "errors": "backslashreplace"}
    while True:
        aside = path.with_name(f".{secrets.token_hex(4)}.{path.name}")
        # Files of mkstemp are private; with "x" the umask decides.
        file = open(aside, mode.replace("w", "x"), **text)
        try:
            if lock_file(file.fileno()) and is_at(file.fileno(), aside):
                return file
        except OSError:  # a file system without locks
            return file
        file.close()  # another process removed it before it was locked


def remove_leftovers(folder: Path, name: str | None = None) -> None:
    """Removes what killed processes left of the file `name`, or of any file."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            match = _ASIDE.fullmatch(entry.name)
            if match and name in (None, match[1]):
                remove_if_abandoned(entry.path)


def is_disk_full(err: BaseException) -> bool:
    """Returns whether an exception, or one that it hides, reports a full disk."""
    while err is not None:
        if getattr(err, "errno", None) in _FULL:
            return True
        if any(words in str(err) for words in _FULL_IN_WORDS):  # TensorFlow, HDF5
            return True
        err = err.__cause__ or err.__context__
    return False


def raise_system_errors(err: Exception) -> None:
    """Raises `err` again if a file's content cannot be its cause."""
    if isinstance(err, MemoryError):
        raise err
    # zipfile seeks to a negative position (EINVAL) in some damaged archives; HDF5's
    # errors about content have no number.
    if isinstance(err, OSError) and err.errno not in (None, errno.EINVAL):
        raise err


def to_json(value: Any, **options) -> str:
    """Returns JSON in which numbers that are not finite are null."""
    return json.dumps(_without_nan(value), allow_nan=False, **options)


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as readable JSON."""
    text = to_json(value, indent=2, ensure_ascii=False)
    with written_whole(path, "w") as file:
        file.write(text + "\n")


def _without_nan(value: Any) -> Any:
    """Returns the same value with `None` in place of each number that is not finite."""
    if isinstance(value, Mapping):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def read_json(path: Path) -> Any:
    """Reads a JSON file; raises `ValueError` if it is no JSON."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def read_json_again(path: Path, otherwise: str) -> Any:
    """Reads JSON of an earlier run; `None` if it is absent or, with a warning, damaged.

    The warning ends in `otherwise`, which says what is done instead.
    """
    try:
        return read_json(path)
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as err:
        warn_of_damage(path, err, otherwise)
        return None


def warn_of_damage(path: Path, reason: object, otherwise: str) -> None:
    """Logs which file is damaged, why it is thought so, and what is done instead."""
    lines = str(reason).strip().splitlines() or [type(reason).__name__]
    logger.warning("%s is damaged (%s); %s", path, lines[0][:200], otherwise)


def crc32(path: str | Path, length: int | None = None) -> int:
    """Returns the CRC-32 of a file or of its first `length` bytes."""
    value = 0
    for chunk in _chunks(path, length):
        value = zlib.crc32(chunk, value)
    return value


def _chunks(path, length: int | None) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while length is None or length > 0:
            chunk = file.read(_CHUNK if length is None else min(_CHUNK, length))
            if not chunk:
                if length is not None:
                    raise ValueError("it has been cut short")
                return
            if length is not None:
                length -= len(chunk)
            yield chunk
