"""`prepared:PATH`: squares that `python -m zfkeras.prepare` wrote, read at random.

It checks the sizes of all shards at once, and the checksum of an image as it is read.
"""

import functools
import os
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zfkeras.data.files.bad_images import BadImage
from zfkeras.data.files.folder_files import existing
from zfkeras.data.register import Source
from zfkeras.data.sources.prepared.shards import read_index
from zfkeras.data.split import ListedSplit
from zfkeras.errors import UsageError
from zfkeras.io.files import read_json

#: The file that tells what a folder holds; it names splits only once all are complete.
ABOUT = "about.json"
LAYOUT = f"a folder that python -m zfkeras.prepare has written, with {ABOUT}"


def open_source(rest: str) -> Source:
    """Opens a folder of prepared squares, with the splits of their source."""
    folder = existing(rest, LAYOUT)
    try:
        about = read_json(folder / ABOUT)
        splits, class_names = about["splits"], tuple(about["class_names"])
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise _incomplete(folder, f"no complete {ABOUT}") from err
    return Source(
        f"prepared:{rest}",
        class_names,
        {name: _split(folder, split["shards"]) for name, split in splits.items()},
    )


def _split(folder: Path, names: Sequence[str]) -> ListedSplit:
    """Makes a split of its shards; a key is "shard offset length checksum"."""
    indexes, keys = [], []
    for number, name in enumerate(names):
        try:
            index = read_index(folder / name)
        except (OSError, ValueError) as err:
            raise _incomplete(folder, f"{name}: {err}") from err
        places = zip(index["offset"], index["length"], index["checksum"], strict=True)
        keys += [b"%d %d %d %d" % (number, *place) for place in places]
        indexes.append(index)
    columns = {
        name: np.concatenate([index[name] for index in indexes])
        for name in ("label", "id", "targets")
        if all(name in index for index in indexes)
    }
    paths = [os.fspath(folder / name) for name in names]
    return ListedSplit(
        np.array(keys, bytes),
        columns["label"],
        columns["id"],
        functools.partial(read_square, paths),
        columns.get("targets"),
    )


def read_square(paths: Sequence[str], key: bytes) -> bytes:
    """Reads one JPEG out of a shard; safe in several threads and processes."""
    number, offset, length, checksum = map(int, key.split())
    descriptor = os.open(paths[number], os.O_RDONLY)
    try:
        content = os.pread(descriptor, length, offset)
    finally:
        os.close(descriptor)
    if zlib.crc32(content) != checksum:
        raise BadImage("its checksum in the shard does not match")
    return content


def _incomplete(folder: Path, what: str) -> UsageError:
    return UsageError(
        argument=f"prepared:{folder}",
        received=what,
        expected=LAYOUT,
        remedy="Run zfkeras.prepare again: it writes what is missing.",
    )
