"""One pass of a network over a split, in shards of whole batches.

A shard is one file, complete or absent, with all that was computed of some examples. A
rerun computes the shards that are absent. This module does not know what is computed.
"""

import dataclasses
import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from zfkeras.data.files.bad_images import BadImages
from zfkeras.errors import RunError
from zfkeras.io.files import raise_system_errors, warn_of_damage, written_whole

#: Examples of a shard, rounded up to whole batches.
SHARD_SIZE = 1024
_ABOUT = "about.json"


@dataclasses.dataclass(frozen=True, order=True)
class Shard:
    """The examples `first` to `end` of a split's own order."""

    first: int
    end: int


#: Computes a shard, batch by batch: name -> array. One name is "positions": int64
#: (batch,), the places in the split of the images that could be read.
Compute = Callable[[Shard, BadImages], Iterator[Mapping[str, np.ndarray]]]


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


def run_pass(
    folder: Path,
    plan: Sequence[Shard],
    names: Sequence[str],
    compute: Compute,
    bad_images: BadImages,
) -> Iterator[Path]:
    """Computes the shards that a folder lacks; returns the paths of all.

    The folder's name must stand for all that decides what is computed, and the caller
    must have claimed it. An error of the images or the network removes the shards: it
    may be mended before the next run.

    Args:
        folder: holds the shards.
        plan: the shards.
        names: the arrays that a shard must hold.
        compute: computes a shard.
        bad_images: collects the images that cannot be read.

    Raises:
        RunError: too many images cannot be read, or what `compute` raises.
    """
    paths = [Path(shard_path(folder, shard)) for shard in plan]
    try:
        with tqdm(total=plan[-1].end, desc=folder.name, unit=" images") as bar:
            for shard, path in zip(plan, paths, strict=True):
                if not _is_whole(path, names):
                    write_shard(path, shard, compute, bad_images, bar.update)
                for name, reason in read_about(path)["bad_images"].items():
                    bad_images.add(name, reason)
                bad_images.check()
                bar.update(shard.end - bar.n)
    except RunError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return paths


def write_shard(
    path: str | Path,
    shard: Shard,
    compute: Compute,
    bad_images: BadImages,
    progress: Callable[[int], object] = lambda count: None,
) -> None:
    """Computes one shard; memory holds one batch at a time."""
    known, count = bad_images.reasons(), 0
    with written_whole(path) as file, zipfile.ZipFile(file, "w") as archive:
        for arrays in compute(shard, bad_images):
            bad_images.check()
            for name, array in arrays.items():
                member = f"{count}/{name}.npy"
                with archive.open(member, "w", force_zip64=True) as part:
                    np.lib.format.write_array(part, array, allow_pickle=False)
            count += 1
            progress(len(arrays["positions"]))
        found = bad_images.reasons().items() - known.items()
        about = {"batches": count, "bad_images": dict(sorted(found))}
        archive.writestr(_ABOUT, json.dumps(about))


def read_about(path: Path) -> dict:
    """Returns how many batches a shard has, and the reasons of its bad images."""
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read(_ABOUT))


def read_shard(path: Path, names: Sequence[str]) -> Iterator[list[np.ndarray]]:
    """Yields some arrays of each batch of a shard."""
    with zipfile.ZipFile(path) as archive:
        for number in range(read_about(path)["batches"]):
            members = [archive.read(f"{number}/{name}.npy") for name in names]
            yield [np.load(io.BytesIO(one), allow_pickle=False) for one in members]


def _is_whole(path: Path, names: Sequence[str]) -> bool:
    """Whether a shard of an earlier run is there, undamaged, with these arrays."""
    try:
        with zipfile.ZipFile(path) as archive:
            if (damaged := archive.testzip()) is not None:
                raise zipfile.BadZipFile(f"its member {damaged} has changed")
            numbers = range(read_about(path)["batches"])
            wanted = {f"{number}/{name}.npy" for number in numbers for name in names}
            return wanted <= {*archive.namelist()}
    except FileNotFoundError:
        return False
    # Damaged bytes make zipfile raise nearly everything.
    except Exception as err:
        raise_system_errors(err)
        warn_of_damage(path, err, "computing it anew")
        return False
