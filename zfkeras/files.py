"""Files that are whole or not there: written aside, renamed, and checked when read.

A full disk ends in one line that names the file, and what a killed process has left
behind goes when the file is written the next time.
"""

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

from zfkeras.errors import DiskFull
from zfkeras.locks import is_at, lock_file, remove_if_abandoned

logger = logging.getLogger(__name__)

_CHECKSUM = "checksum"
# The end of the name stays, for libraries that go by it.
_ASIDE = re.compile(r"\.[0-9a-f]{8}\.(.+)")
_CHUNK = 1 << 24
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_IN_WORDS = ("No space left on device", "Disk quota exceeded")


@contextlib.contextmanager
def written_whole(path: Path, mode: str = "wb") -> Iterator[IO]:
    """Opens a file that takes its name only once it is complete and on the disk.

    A process killed meanwhile leaves the old file, or none, and never half a file; what
    it had written aside is removed when the file is written again.

    Args:
        path: where the file goes; its folder is made. An existing file is replaced.
        mode: "wb" (default) or "w" for UTF-8 text. What UTF-8 cannot hold, as in names
            of files, is written as an escape that JSON reads back.

    Yields:
        The open file, whose `name` is a path with the same ending, for what writes to
        paths. An exception in the block removes it and leaves `path` alone.

    Raises:
        DiskFull: as it says.
    """
    path = Path(path)
    with room_for(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path.parent, path.name)
        file = _open_aside(path, mode)
        try:
            with file:
                yield file
                file.flush()
                os.fsync(file.fileno())
                # While it is locked, so that nobody takes it for a leftover.
                os.replace(file.name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(file.name)
            raise


def _open_aside(path: Path, mode: str) -> IO:
    text = {} if "b" in mode else {"encoding": "utf-8", "errors": "backslashreplace"}
    while True:
        aside = path.with_name(f".{secrets.token_hex(4)}.{path.name}")
        # Not by mkstemp, whose files are private: "x" leaves it to the umask.
        file = open(aside, mode.replace("w", "x"), **text)
        try:
            if lock_file(file.fileno()) and is_at(file.fileno(), aside):
                return file
        except OSError:
            return file  # no locks here: its age tells whether it is in use
        file.close()  # taken for a leftover before it was locked


def remove_leftovers(folder: Path, name: str | None = None) -> None:
    """Removes what killed processes have written aside and never put in its place.

    What a living process is writing is locked, and stays.

    Args:
        folder: where they lie.
        name: of the file they were to become. `None` (default): any.
    """
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            match = _ASIDE.fullmatch(entry.name)
            if match and name in (None, match[1]):
                remove_if_abandoned(entry.path)


@contextlib.contextmanager
def room_for(path: Path) -> Iterator[None]:
    """Turns what a full disk makes anything raise into one line that names the file.

    Args:
        path: what the block writes.

    Raises:
        DiskFull: as it says.
    """
    try:
        yield
    except Exception as err:
        if not is_disk_full(err):
            raise
        raise DiskFull(
            f"no space left to write {path}; what was there before is untouched. Free "
            "some space and run the same command again: it goes on from what is saved."
        ) from err


def is_disk_full(err: BaseException) -> bool:
    """Whether an exception, TensorFlow's and HDF5's among them, tells of a full disk.

    Archives raise others on top of it as they are closed.
    """
    while err is not None:
        if getattr(err, "errno", None) in _FULL:
            return True
        if any(words in str(err) for words in _FULL_IN_WORDS):
            return True
        err = err.__cause__ or err.__context__
    return False


def raise_system_errors(err: Exception) -> None:
    """Raises `err` again unless the content of a file can be its cause.

    What reads a damaged file raises nearly every kind of exception. Missing permission,
    a failing disk and lack of memory say nothing about the content: no file may be
    called damaged because of them.

    Args:
        err: what reading a file has raised.
    """
    if isinstance(err, MemoryError):
        raise err
    # zipfile seeks to a negative position (EINVAL) in some damaged archives; HDF5's
    # errors about content have no number.
    if isinstance(err, OSError) and err.errno not in (None, errno.EINVAL):
        raise err


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as readable JSON, whole or not at all.

    An object gets one more key, "checksum", that `read_json` takes out and compares.
    NaN and infinity, which JSON does not have, become null.
    """
    value = sealed(value) if isinstance(value, Mapping) else _without_nan(value)
    with written_whole(path, "w") as file:
        json.dump(value, file, indent=2, ensure_ascii=False, allow_nan=False)
        file.write("\n")


def _without_nan(value: Any) -> Any:
    """The same value with `None` in place of each number that is not finite."""
    if isinstance(value, Mapping):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def read_json(path: Path) -> Any:
    """Reads a JSON file.

    Raises:
        OSError: there is none, or it cannot be read.
        ValueError: it is no JSON, or has changed since `write_json` wrote it. A file
            without a checksum, as others write them, is read as it is.
    """
    return unsealed(json.loads(Path(path).read_text(encoding="utf-8")))


def read_json_again(path: Path, otherwise: str) -> Any:
    """Reads JSON that an earlier run has left; `None` if there is none to rely on.

    Args:
        path: the file.
        otherwise: what is done if it is damaged, for the warning that names it.
    """
    try:
        return read_json(path)
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as err:
        warn_of_damage(path, err, otherwise)
        return None


def warn_of_damage(path: Path, reason: object, otherwise: str) -> None:
    """Logs one line: which file is damaged, how it shows, and what is done.

    Args:
        path: the file.
        reason: an exception, or words.
        otherwise: what is done.
    """
    lines = str(reason).strip().splitlines() or [type(reason).__name__]
    logger.warning("%s is damaged (%s); %s", path, lines[0][:200], otherwise)


def sealed(value: Mapping) -> dict:
    """Adds a checksum to an object of JSON values, as its last key.

    NaN and infinity become null, as in `write_json`.
    """
    value = _without_nan(value)
    return {**value, _CHECKSUM: _checksum(value)}


def unsealed(value: Any) -> Any:
    """Takes the checksum out of what was `sealed`; anything else is as it was.

    Raises:
        ValueError: the checksum does not match.
    """
    if not isinstance(value, dict) or _CHECKSUM not in value:
        return value
    rest = {key: one for key, one in value.items() if key != _CHECKSUM}
    if value[_CHECKSUM] != _checksum(rest):
        raise ValueError("its checksum does not match")
    return rest


def _checksum(value: Mapping) -> str:
    """CRC-32 of the values as JSON, however they are set out in the file."""
    text = json.dumps(value, separators=(",", ":"))
    return f"crc32:{zlib.crc32(text.encode()):08x}"


def crc32(path: str | Path, length: int | None = None) -> int:
    """CRC-32 of a file, or of its beginning.

    Args:
        path: the file.
        length: in bytes; a shorter file is an error. `None` (default): all of it.

    Raises:
        ValueError: the file is shorter.
    """
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
