"""Files that are whole or not there: written aside, then renamed into place."""

import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any


@contextlib.contextmanager
def written_whole(path: Path, mode: str = "wb") -> Iterator[IO]:
    """Opens a file that takes its name only once it is complete and on the disk.

    A process killed meanwhile leaves the old file, or none, and never half a file.

    Args:
        path: where the file goes; its folder is made. An existing file is replaced.
        mode: "wb" (default) or "w" for UTF-8 text. What UTF-8 cannot hold, as in names
            of files, is written as an escape that JSON reads back.

    Yields:
        The open file. An exception in the block removes it and leaves `path` alone.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = {} if "b" in mode else {"encoding": "utf-8", "errors": "backslashreplace"}
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        # Not by mkstemp, whose files are private: "x" leaves it to the umask.
        with open(aside, mode.replace("w", "x"), **text) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(aside)
        raise


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as readable JSON, whole or not at all."""
    with written_whole(path, "w") as file:
        json.dump(value, file, indent=2, ensure_ascii=False)
        file.write("\n")


def read_json(path: Path) -> Any:
    """Reads a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))
