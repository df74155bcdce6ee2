"""A shard of prepared squares: a TFRecord file, and an index of the images in it.

Records are `tf.train.Example`s, for whatever else reads TFRecord. The index says where
each JPEG stands, so that one is read without its neighbours.
"""

import dataclasses
import os
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import tensorflow as tf

from zfkeras.io.arrays import read_arrays
from zfkeras.io.files import raise_system_errors, warn_of_damage, written_whole

# Of a TFRecord: length and its checksum before each record, a checksum behind it.
_BEFORE, _BEHIND = 12, 4


@dataclasses.dataclass(frozen=True)
class Square:
    """A prepared image, or why there is none.

    Args:
        content: the JPEG; empty if the image could not be read.
        label: number of its class, -1 if it has none.
        id: its name in the source.
        reason: why it could not be read; empty if it could.
    """

    content: bytes
    label: int
    id: bytes
    reason: str


def write_shard(
    path: Path, squares: Iterable[Square], targets: np.ndarray | None
) -> None:
    """Writes a shard and, before it, its index; `targets` has a row for each square."""
    rows, bad, kept, at = [], [], [], 0
    with written_whole(path) as file:
        with tf.io.TFRecordWriter(file.name) as writer:
            for number, square in enumerate(squares):
                if square.reason:
                    bad.append((square.id, square.reason.encode()))
                    continue
                record = _record(square)
                writer.write(record)
                offset = at + _BEFORE + record.index(square.content)
                checksum = zlib.crc32(square.content)
                rows.append((offset, len(square.content), checksum))
                kept.append((number, square.label, square.id))
                at += _BEFORE + len(record) + _BEHIND
        numbers, labels, ids = zip(*kept, strict=True) if kept else ((), (), ())
        offset, length, checksum = np.array(rows, np.int64).reshape(-1, 3).T
        index = {
            "offset": offset,
            "length": length,
            "checksum": checksum,
            "number": np.array(numbers, np.int64),
            "label": np.array(labels, np.int64),
            "id": np.array(ids, bytes),
            "bad": np.array(bad, bytes).reshape(-1, 2),
            "bytes": np.array(at),
        }
        if targets is not None:
            index["targets"] = targets[np.array(numbers, np.int64)]
        with written_whole(_index_path(path)) as index_file:
            np.savez(index_file, **index)


def read_index(path: Path) -> dict[str, np.ndarray]:
    """Reads the index of a shard.

    "offset", "length", "checksum" of each JPEG in the file; its "number" among the
    images of the shard, "label" and "id", and "targets" if images show several classes;
    "bad": (id, reason) of each image that could not be read; "bytes": size of the file.
    Raises `ValueError` if the file has another size.
    """
    index = read_arrays(_index_path(path))
    if (size := os.path.getsize(path)) != index["bytes"]:
        raise ValueError(f"it has {size} bytes, its index says {index['bytes']}")
    return index


def is_whole(path: Path) -> bool:
    """Returns whether a shard of an earlier run is there, with each JPEG undamaged."""
    try:
        index = read_index(path)
        with open(path, "rb") as file:
            for row in range(len(index["id"])):
                file.seek(index["offset"][row])
                content = file.read(index["length"][row])
                if zlib.crc32(content) != index["checksum"][row]:
                    raise ValueError(f"image {row} has changed")
    except FileNotFoundError:
        return False
    except Exception as err:  # damaged bytes make zipfile raise nearly everything
        raise_system_errors(err)
        warn_of_damage(path, err, "preparing it anew")
        return False
    return True


def _index_path(path: Path) -> Path:
    return path.with_suffix(".index.npz")


def _record(square: Square) -> bytes:
    """Makes an example with the names that ImageNet's TFRecords usually have."""
    feature = {
        "image/encoded": tf.train.Feature(
            bytes_list=tf.train.BytesList(value=[square.content])
        ),
        "image/class/label": tf.train.Feature(
            int64_list=tf.train.Int64List(value=[square.label])
        ),
        "image/filename": tf.train.Feature(
            bytes_list=tf.train.BytesList(value=[square.id])
        ),
    }
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    return example.SerializeToString(deterministic=True)
