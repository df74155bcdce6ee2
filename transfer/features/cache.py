"""Features on disk: one folder for a network and a data set, one file for each layer.

A file holds the labels and places of its images beside their features, so that they
always belong together.
"""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zfkeras.data.published.finding import cache_folder
from zfkeras.data.split import Split
from zfkeras.errors import RunError
from zfkeras.io.file_names import layer_stem
from zfkeras.io.files import warn_of_damage, written_whole
from zfkeras.models.fingerprint import images_digest
from zfkeras.passes.sharded import read_bad_images, read_shard, read_threads

# To be raised whenever files of earlier versions would be read wrongly.
FORMAT = 3


@dataclasses.dataclass(frozen=True, eq=False)
class LayerFile:
    """What a layer's file holds.

    Shapes: `features` memory map (n_images, n_features), `labels` int64 (n_images,),
    `positions` int64 (n_images,), the places of the images in the split.
    """

    features: np.ndarray
    labels: np.ndarray
    positions: np.ndarray
    bad_images: dict[str, str]
    threads: list[int]  # how many of TensorFlow's computed the features


def default_cache() -> Path:
    """Returns $XDG_CACHE_HOME/zfkeras/features, or ~/.cache/zfkeras/features."""
    return cache_folder() / "features"


def fingerprint(network: str, split: Split, data: str, dtype: str) -> str:
    """Names what a network of some digest computes of a split, by 32 hex digits."""
    parts = [FORMAT, dtype, data, network, images_digest(split)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def read_layers(
    folder: Path, layers: Sequence[int | str]
) -> dict[int | str, LayerFile]:
    """Reads the files of some layers that are there and whole.

    Returns none if they are of different images: an image that could not be read once
    may be readable later.
    """
    files = {layer: _read(_path(folder, layer)) for layer in layers}
    files = {layer: file for layer, file in files.items() if file is not None}
    first = next(iter(files.values()), None)
    same = (np.array_equal(f.positions, first.positions) for f in files.values())
    return files if all(same) else {}


def write_layer(folder: Path, layer: int | str, shards: Sequence[Path]) -> None:
    """Joins a layer's features of all shards; memory holds one batch at a time."""
    names = ["labels", "positions"]
    rows = [np.stack(b) for path in shards for b in read_shard(path, names)]
    if not rows:
        raise RunError("no image could be read")
    rows = np.concatenate(rows, axis=1)
    bad_images = {}
    for path in shards:
        bad_images |= read_bad_images(path)
    with written_whole(_path(folder, layer)) as file:
        np.save(file, rows)
        np.save(file, np.array(json.dumps([bad_images, read_threads(shards)])))
        is_first = True
        for path in shards:
            for (features,) in read_shard(path, [layer_stem(layer)]):
                if is_first:
                    header = np.lib.format.header_data_from_array_1_0(features)
                    header["shape"] = (rows.shape[1], features.shape[1])
                    np.lib.format.write_array_header_1_0(file, header)
                    is_first = False
                file.write(features.data)


def _path(folder: Path, layer: int | str) -> Path:
    return folder / f"{layer_stem(layer)}.npy"


def _read(path: Path) -> LayerFile | None:
    """Reads a file of `write_layer`; `None` if it is absent or damaged."""
    try:
        with open(path, "rb") as file:
            labels, positions = np.load(file, allow_pickle=False)
            bad_images, threads = json.loads(np.load(file, allow_pickle=False).item())
            np.lib.format.read_magic(file)
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            if len(labels) != shape[0]:
                raise ValueError("as many labels as features are expected")
            # Features take gigabytes: they are trusted to be what was written.
            features = np.memmap(file, dtype, "r", file.tell(), shape)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, EOFError) as err:
        warn_of_damage(path, err, "computing it anew")
        return None
    return LayerFile(features, labels, positions, bad_images, threads)
