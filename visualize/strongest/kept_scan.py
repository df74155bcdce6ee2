"""A scan whose result is kept in a folder, shard by shard while it is unfinished."""

import dataclasses
import functools
import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from visualize.strongest.scan import Scanner, array_names, merge
from zfkeras.data.split import Split
from zfkeras.errors import RunError
from zfkeras.io.locks import claimed
from zfkeras.models.fingerprint import images_digest, network_digest
from zfkeras.passes.sharded import (
    SHARD_SIZE,
    Pass,
    Shard,
    add_bad_images,
    is_whole,
    read_bad_images,
    read_shard,
    shard_path,
    write_shard,
)

_NUM_HASHED = 256  # examples of a split whose list of names cannot be had for nothing


def fingerprint(model: keras.Model, preprocessing, split: Split, data: str) -> str:
    """Digests all that a scan depends on, except the image files' contents."""
    of_images = images_digest(split, at_most=_NUM_HASHED, with_contents=False)
    parts = [data, network_digest(model, preprocessing), of_images]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


@dataclasses.dataclass(frozen=True)
class KeptScan:
    """The folder of one scan; its result is written like a shard of the whole split."""

    folder: Path
    count: int  # how many activations of each channel are kept, at least those wanted
    layers: Sequence[str]
    num_examples: int

    @classmethod
    def find(
        cls, folder: Path, key: str, layers: Sequence[str], count: int, num_examples
    ) -> "KeptScan":
        """Finds the scan of a fingerprint; one of more activations serves, too."""
        kept = (path.name.rpartition("-")[2] for path in folder.glob(f"{key}-top-*"))
        count = min((one for one in map(int, kept) if one >= count), default=count)
        return cls(folder / f"{key}-top-{count}", count, layers, num_examples)

    @property
    def shards(self) -> Path:
        """The folder of the shards of an unfinished scan."""
        return self.folder / "shards"

    def is_finished(self) -> bool:
        """Whether the result is there and whole."""
        return is_whole(self._result, self._names)

    def finish(
        self, images: Pass, scanner: Scanner, *, shard_size: int = SHARD_SIZE
    ) -> dict[str, np.ndarray]:
        """Computes what is not there; returns the result."""
        with claimed(self.folder, wait=True):
            if not self.is_finished():
                merged = self._merged(images, scanner, shard_size)
                write_shard(self._result, merged, images.bad_images)
                shutil.rmtree(self.shards)
            try:
                add_bad_images(read_bad_images(self._result), images.bad_images)
            except RunError:
                self._result.unlink()  # the images may be mended before the next run
                raise
            (arrays,) = read_shard(self._result, self._names)
        return dict(zip(self._names, map(np.array, arrays), strict=True))

    @property
    def _result(self):
        return Path(shard_path(self.folder, Shard(0, self.num_examples)))

    @property
    def _names(self):
        return [name for layer in self.layers for name in array_names(layer)]

    def _merged(self, images, scanner, shard_size):
        scan = functools.partial(
            scanner.scan, count=self.count, batch_size=images.batch_size
        )
        paths = images.run(self.shards, self._names, scan, shard_size)
        parts = (part for path in paths for part in read_shard(path, self._names))
        found = (dict(zip(self._names, part, strict=True)) for part in parts)
        yield functools.reduce(merge, found)
