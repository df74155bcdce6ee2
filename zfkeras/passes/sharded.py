"""One pass of a network over a split, in shards of whole batches.

A shard is one file, complete or absent, with all that was computed of some examples. A
rerun computes the shards that are absent. This module does not know what is computed.
"""

import contextlib
import dataclasses
import itertools
import json
import shutil
import zipfile
from collections.abc import (
    Callable,
    Collection,
    Container,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
from tqdm import tqdm

from zfkeras.cli.tensorflow_start import num_threads
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.pipeline import evaluation_batches
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.split import Split
from zfkeras.errors import RunError
from zfkeras.io.files import raise_system_errors, warn_of_damage, written_whole
from zfkeras.io.progress import Progress

if TYPE_CHECKING:
    from zfkeras.passes.dask_engine import DaskEngine

#: Examples of a shard, rounded up to whole batches.
SHARD_SIZE = 1024
_ABOUT = "about.json"


@dataclasses.dataclass(frozen=True, order=True)
class Shard:
    """The examples `first` to `end` of a split's own order."""

    first: int
    end: int


#: Makes arrays, by name, of the batches of a shard: of each batch, or of all together.
Compute = Callable[[Iterator[dict]], Iterable[Mapping[str, np.ndarray]]]
#: Makes that of a network. Workers get it pickled, and load the network.
Prepare = Callable[[keras.Model], Compute]


class ShardsMissing(RunError):
    """Workers or their scheduler failed; the shards that are finished stay."""


def shards(num_examples: int, shard_size: int, batch_size: int) -> list[Shard]:
    """Divides a split's order into shards of whole batches.

    Shards end on batch boundaries, so that results match a single pass. Examples at the
    end that are fewer than a batch go to the last shard.
    """
    size = -(-shard_size // batch_size) * batch_size
    starts = [*range(0, num_examples, size)]
    if len(starts) > 1 and num_examples - starts[-1] < batch_size:
        starts.pop()
    return [*map(Shard, starts, [*starts[1:], num_examples])]


def shard_path(folder: str | Path, shard: Shard) -> str:
    """Returns the path of a shard's file."""
    return f"{folder}/{shard.first:012d}-{shard.end:012d}.zip"


@dataclasses.dataclass(frozen=True, eq=False)
class Pass:
    """A pass over a split: the images, their batches, and those that cannot be read.

    `engine`: computes the shards; `None` (default) means this process.
    """

    split: Split
    preprocessing: Preprocessing
    batch_size: int
    bad_images: BadImages
    bar: tqdm | Progress | None = None  # is moved by the examples that are done
    engine: "DaskEngine | None" = None

    def batches(self, examples: Shard) -> Iterator[dict]:
        """Yields the batches of some examples, while not too many images are bad."""
        split = self.split.stretch(0, examples.end)
        for batch in evaluation_batches(
            split,
            self.preprocessing,
            self.batch_size,
            start=examples.first,
            bad_images=self.bad_images,
        ):
            self.bad_images.check()
            yield batch
            self._move_bar(int(batch["position"][-1]) + 1)
        self.bad_images.check()
        self._move_bar(examples.end)

    def run(
        self,
        folder: Path,
        names: Sequence[str],
        prepare: Prepare,
        model: keras.Model,
        shard_size: int = SHARD_SIZE,
    ) -> list[Path]:
        """Computes the shards that a folder lacks; returns the paths of all.

        The folder's name must stand for all that decides what is computed, and the
        caller must have claimed it. An error of the images or the network removes the
        shards: it may be mended before the next run.

        Args:
            folder: holds the shards.
            names: the arrays that a shard must hold.
            prepare: makes what computes a shard; memory holds what that yields once.
            model: the network.
            shard_size: examples of a shard, rounded up to whole batches.

        Raises:
            RunError: too many images cannot be read, or what computing raises.
        """
        plan = shards(self.split.num_examples, shard_size, self.batch_size)

        def is_there(shard):
            return is_whole(shard_path(folder, shard), names)

        known = {}  # bad images of the shards so far
        compute = prepare(model)
        try:
            if self.engine is not None:
                there = {shard for shard in plan if is_there(shard)}
                self._compute_elsewhere(folder, plan, there, prepare, model)
            # One stream of images serves neighbours: to open one takes a while.
            for there, neighbours in itertools.groupby(plan, is_there):
                neighbours = [*neighbours]
                if not there:
                    self._compute(folder, neighbours, compute, known)
                for shard in neighbours:
                    known |= read_bad_images(shard_path(folder, shard))
                add_bad_images(known, self.bad_images)
                self._move_bar(neighbours[-1].end)
        except ShardsMissing:
            raise
        except RunError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return [Path(shard_path(folder, shard)) for shard in plan]

    def _compute_elsewhere(self, folder, plan, there, prepare, model):
        end = sum(shard.end - shard.first for shard in there)
        todo = [shard for shard in plan if shard not in there]
        if not todo:
            return
        computed = self.engine.compute(self, prepare, model, folder, todo)
        with contextlib.closing(computed):
            for shard, bad_images in computed:
                add_bad_images(bad_images, self.bad_images)
                end += shard.end - shard.first
                self._move_bar(end)

    def _compute(self, folder, neighbours, compute, known):
        stream = self.batches(Shard(neighbours[0].first, neighbours[-1].end))
        pending = None

        def batches_until(end):
            nonlocal pending
            behind = 0
            # The next batch may take long, or fail: first this shard is written.
            while behind < end:
                batch, pending = pending or next(stream, None), None
                if batch is None:
                    return
                place = int(batch["position"][0])
                if place >= end:  # no image of the last batch could be read
                    pending = batch
                    return
                behind = (place // self.batch_size + 1) * self.batch_size
                yield batch

        for shard in neighbours:
            arrays = compute(batches_until(shard.end))
            path = shard_path(folder, shard)
            # The stream reads ahead: a shard may name bad images of the next one.
            write_shard(path, arrays, self.bad_images, known)
            known |= read_bad_images(path)

    def _move_bar(self, end):
        if self.bar is not None:
            self.bar.update(end - self.bar.n)


def write_shard(
    path: str | Path,
    arrays: Iterable[Mapping[str, np.ndarray]],
    bad_images: BadImages,
    known: Container[str] = (),
    threads: Collection[int] | None = None,
) -> None:
    """Writes a shard, with the bad images that are not in `known`.

    `threads`: how many of TensorFlow's threads computed it, a number for each part that
    was merged; `None` means those of this process. Checksums tell whether a shard is
    whole, so that the disk is not waited for.
    """
    index = {}
    with written_whole(path, sync=False) as file, zipfile.ZipFile(file, "w") as archive:
        for count, batch in enumerate(arrays):
            for name, array in batch.items():
                array = np.ascontiguousarray(array)
                member = f"{count}/{name}.npy"
                with archive.open(member, "w", force_zip64=True) as part:
                    header = np.lib.format.header_data_from_array_1_0(array)
                    np.lib.format.write_array_header_1_0(part, header)
                    place = [file.tell(), header["descr"], array.shape]
                    part.write(array.data)
                index.setdefault(name, []).append(place)
        reasons = sorted(bad_images.reasons().items())
        found = {name: reason for name, reason in reasons if name not in known}
        threads = [num_threads()] if threads is None else sorted(threads)
        about = {"arrays": index, "bad_images": found, "threads": threads}
        archive.writestr(_ABOUT, json.dumps(about))


def read_shard(path: Path, names: Sequence[str]) -> Iterator[list[np.ndarray]]:
    """Yields some arrays of each batch of a shard, mapped to memory in place."""
    index = _about(path)["arrays"]
    if not index:  # none of its images could be read
        return
    content = np.memmap(path, mode="r")
    for places in zip(*(index[name] for name in names), strict=True):
        yield [
            np.ndarray(shape, dtype, content, offset) for offset, dtype, shape in places
        ]


def read_bad_images(path: Path) -> dict[str, str]:
    """Returns {id: reason} of the images of a shard that could not be read."""
    return _about(path)["bad_images"]


def read_threads(paths: Iterable[Path]) -> list[int]:
    """Returns by how many threads of TensorFlow shards were computed."""
    return sorted({number for path in paths for number in _about(path)["threads"]})


def add_bad_images(reasons: Mapping[str, str], bad_images: BadImages) -> None:
    """Adds the bad images of shards; raises `RunError` if there are too many."""
    for name, reason in reasons.items():
        bad_images.add(name, reason)
    bad_images.check()


def is_whole(path: Path, names: Sequence[str]) -> bool:
    """Whether a shard of an earlier run is there, undamaged, with these arrays."""
    try:
        with zipfile.ZipFile(path) as archive:
            if (damaged := archive.testzip()) is not None:
                raise zipfile.BadZipFile(f"its member {damaged} has changed")
        index = _about(path)["arrays"]
        return not index or {*names} <= {*index}
    except FileNotFoundError:
        return False
    # Damaged bytes make zipfile raise nearly everything.
    except Exception as err:
        raise_system_errors(err)
        warn_of_damage(path, err, "computing it anew")
        return False


def _about(path: Path) -> dict:
    """Reads where each array of a shard is, and which images are bad."""
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read(_ABOUT))
