"""Squares of a small set in the cache, so that images are decoded and resized once.

They hold the very pixels: a run learns the same with them and without.
`zfkeras.prepare` writes JPEGs, which are smaller and change pixels a little.
"""

import functools
import hashlib
import logging
import os
import shutil
from pathlib import Path

import numpy as np

from zfkeras.data.files.bad_images import BadImage
from zfkeras.data.files.decoding import centre_square, decode
from zfkeras.data.files.image_file import read_file
from zfkeras.data.files.jpeg import is_plain_jpeg
from zfkeras.data.files.plain_pixels import to_plain_pixels
from zfkeras.data.published.finding import cache_folder
from zfkeras.data.sources.prepared import read_square
from zfkeras.data.sources.prepared.preparing import prepare_split
from zfkeras.data.sources.prepared.shards import read_index
from zfkeras.data.split import ListedSplit, Split
from zfkeras.io.locks import claimed

logger = logging.getLogger(__name__)

#: Bytes of the largest set that is kept unasked: 162,000 squares of 64 pixels.
MAX_BYTES = 2 * 10**9
# Images that are looked at, to tell whether most need more than decoding.
_SAMPLED_IMAGES = 64
_ABSENT = b"-1 0 0 0"


def with_cached_squares(split: Split, size: int, max_bytes: int = MAX_BYTES) -> Split:
    """Returns a split whose images come as squares of `size` pixels from the cache.

    Writes those that are not there. It returns the split itself where that does not pay
    or is not possible: images that do not lie in files of their own, most of which are
    JPEGs of that size already, or that take more than `max_bytes` or half of what the
    disk has left.
    """
    size_in_bytes = split.num_examples * size * size * 3
    if size_in_bytes > max_bytes or not _pays(split, size):
        return split
    folder = cache_folder() / "squares" / _fingerprint(split, size)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not any(folder.glob("*.tfrecord")):
            if shutil.disk_usage(folder).free < 2 * size_in_bytes:
                return split
            logger.info(
                "keeping the %s squares of %d pixels in %s, up to %s MB, so that the "
                "images need not be decoded again",
                f"{split.num_examples:,}",
                size,
                folder,
                f"{size_in_bytes / 1e6:,.1f}",
            )
        else:
            logger.info("squares of %d pixels are in %s", size, folder)
        with claimed(folder, wait=True):
            encode = functools.partial(_encode, size=size)
            about = prepare_split("train", split, folder, encode, max_bad_fraction=1)
        return _reading(split, folder, about["shards"])
    except OSError as err:  # the images themselves are still there
        logger.warning("cannot keep squares in %s, going on without: %s", folder, err)
        return split


def _pays(split: Split, size: int) -> bool:
    """Tells whether most images are files that must be resized."""
    if not isinstance(split, ListedSplit) or split.read_key is not read_file:
        return False
    ready, sample = 0, split.keys[:: -(-len(split.keys) // _SAMPLED_IMAGES)]
    for key in sample:
        try:
            ready += is_plain_jpeg(read_file(key), (size, size))
        except OSError:
            ready += 1
    return 2 * ready < len(sample)


def _fingerprint(split: ListedSplit, size: int) -> str:
    """Digests the names, labels, lengths and times of change of all files."""
    digest = hashlib.sha256(b"%d pixels\n" % size)
    for key, label, name in zip(split.keys, split.labels, split.names, strict=True):
        try:
            status = os.stat(key)
            stamp = b"%d %d" % (status.st_size, status.st_mtime_ns)
        except OSError:
            stamp = b"unreadable"
        digest.update(b"%d %s %s\n" % (label, stamp, name))
    return digest.hexdigest()[:24]


def _encode(encoded: bytes, size: int) -> bytes:
    """Makes the file of an image's square, from which its very pixels are read."""
    if is_plain_jpeg(encoded, (size, size)):
        return encoded
    return to_plain_pixels(centre_square(decode(encoded, size), size))


def _reading(split: ListedSplit, folder: Path, shards: list[str]) -> ListedSplit:
    """Returns the split with the place of each square before the key of its file."""
    places = []
    for number, shard in enumerate(shards):
        index = read_index(folder / shard)
        columns = (index[name].tolist() for name in ("offset", "length", "checksum"))
        known = {
            row: b"%d %d %d %d" % (number, *place)
            for row, *place in zip(index["number"].tolist(), *columns, strict=True)
        }
        count = len(known) + len(index["bad"])
        places += [known.get(row, _ABSENT) for row in range(count)]
    keys = [b"%s %s" % pair for pair in zip(places, split.keys, strict=True)]
    paths = [os.fspath(folder / shard) for shard in shards]
    return ListedSplit(
        np.array(keys, bytes),
        split.labels,
        split.names,
        functools.partial(_read, paths),
        split.targets,
    )


def _read(paths: list[str], key: bytes) -> bytes:
    """Reads a square, or the file of the image if there is none or it is damaged."""
    *place, original = key.split(b" ", 4)
    if b" ".join(place) != _ABSENT:
        try:
            return read_square(paths, b" ".join(place))
        except (BadImage, OSError):
            pass
    return read_file(original)
