"""Reads the bytes of a file that should be an image."""

import os
import stat

# Bytes of the largest file that is read: 89 million pixels of four bytes, which is
# what images.py takes, and room to spare.
MAX_FILE_BYTES = 2**29


class NoImageFile(OSError):
    """A file that no image can be: no regular one, or too large."""


def read_file(path: str | bytes | os.PathLike) -> bytes:
    """Reads a file."""
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise NoImageFile(f"{os.fsdecode(path)}: not a regular file")
    if status.st_size > MAX_FILE_BYTES:
        raise NoImageFile(f"{os.fsdecode(path)}: too large: over 512 MB")
    with open(path, "rb") as file:
        return file.read()
