"""Writes the squares of a source: decoded and resized once, kept as JPEG in shards."""

import functools
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image
from tqdm import tqdm

from zfkeras.data.files.bad_images import BadImage, BadImages
from zfkeras.data.files.decoding import centre_square, decode
from zfkeras.data.files.jpeg import is_plain_jpeg
from zfkeras.data.in_graph.loading import UNTUNED
from zfkeras.data.pipeline import compute_mean_image
from zfkeras.data.register import Source
from zfkeras.data.sources.prepared import ABOUT, open_source
from zfkeras.data.sources.prepared.shards import (
    Square,
    is_whole,
    read_index,
    write_shard,
)
from zfkeras.data.split import Split
from zfkeras.errors import UsageError
from zfkeras.io.arrays import write_array
from zfkeras.io.files import read_json_again, write_json
from zfkeras.io.locks import claimed

#: Images of a shard: of 256 pixels, about 120 MB.
SHARD_SIZE = 4096
# Squares of ImageNet then have 30 kB. docs/data.md says what this costs in pixels.
_QUALITY = 95


def prepare(
    source: Source, folder: Path, size: int, max_bad_fraction: float = 0.01
) -> Source:
    """Writes all splits of a source as squares of `size` pixels.

    It takes up what the folder holds, and returns the prepared source. Raises
    `UsageError` if the folder holds other squares, `RunError` if too many images cannot
    be read.
    """
    plan = {
        "source": source.spec,
        "size": size,
        "class_names": list(source.class_names),
        "images": {name: s.num_examples for name, s in source.splits.items()},
    }
    with claimed(folder):
        _begin(folder, plan)
        encode = functools.partial(square_jpeg, size=size)
        splits = {
            name: prepare_split(name, split, folder, encode, max_bad_fraction)
            for name, split in source.splits.items()
        }
        write_json(folder / ABOUT, {**plan, "splits": splits})
        prepared = open_source(str(folder))
        if "train" in prepared.splits:
            train = prepared.split("train")
            _write_mean_image(folder / "mean_image.npy", train, size)
    return prepared


def _begin(folder, plan):
    """Notes what is prepared, and refuses a folder of something else."""
    found = read_json_again(folder / ABOUT, "writing it anew")
    if found is None:
        write_json(folder / ABOUT, plan)
        return
    differing = [key for key in plan if found.get(key) != plan[key]]
    if differing:
        key = differing[0]
        raise UsageError(
            argument=str(folder),
            received=f"a folder whose {key} is {str(found.get(key))[:100]}",
            expected=f"empty, or one whose {key} is {str(plan[key])[:100]}",
            remedy="Name another folder.",
        )


def prepare_split(
    name: str,
    split: Split,
    folder: Path,
    encode: Callable[[bytes], bytes],
    max_bad_fraction: float,
) -> dict:
    """Writes the shards of a split that are absent; returns what about.json tells.

    `encode` makes the file of a square of the file of an image.
    """
    starts = [*range(0, split.num_examples, SHARD_SIZE)]
    names = [
        f"{name}-{number:05d}-of-{len(starts):05d}.tfrecord"
        for number in range(len(starts))
    ]
    bad_images = BadImages(split.num_examples, max_bad_fraction)
    count = 0
    with tqdm(
        total=split.num_examples, desc=f"preparing {name}", unit=" images"
    ) as bar:
        for start, shard in zip(starts, names, strict=True):
            part = split.stretch(start, start + SHARD_SIZE)
            if not is_whole(folder / shard):
                squares = _squares(part, encode, bar)
                write_shard(folder / shard, squares, part.targets)
            index = read_index(folder / shard)
            for id, reason in index["bad"]:
                bad_images.add(id.decode("utf-8", "replace"), reason.decode())
            bad_images.check()
            count += len(index["id"])
            bar.update(min(start + SHARD_SIZE, split.num_examples) - bar.n)
    return {"num_examples": count, "shards": names, "bad_images": bad_images.to_json()}


def _squares(
    split: Split, encode: Callable[[bytes], bytes], bar: tqdm
) -> Iterator[Square]:
    """Decodes and encodes the images of a split, several at a time, in order."""

    def make(key):
        try:
            # As an object: an array of bytes would lose zeros at their end.
            return np.array(encode(split.read(key)), object), b""
        except (BadImage, OSError) as err:
            return b"", str(err).encode() or b"unreadable"

    def load(example):
        content, reason = tf.numpy_function(
            make, [example["key"]], [tf.string, tf.string]
        )
        return content, example["label"], example["id"], reason

    loaded = split.stream().map(load, num_parallel_calls=tf.data.AUTOTUNE)
    for content, label, id, reason in loaded.with_options(UNTUNED).as_numpy_iterator():
        yield Square(content, int(label), id, reason.decode("utf-8", "replace"))
        bar.update()


def square_jpeg(encoded: bytes, size: int) -> bytes:
    """Makes the JPEG of an image's square; one that is such a JPEG stays as it is."""
    if is_plain_jpeg(encoded, (size, size)):
        return encoded
    square = centre_square(decode(encoded, size), size)
    file = io.BytesIO()
    Image.fromarray(square).save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def _write_mean_image(path: Path, train: Split, size: int) -> None:
    """Computes the mean of the training squares, for other programs that read them."""
    if path.exists():
        return
    count = train.num_examples
    with tqdm(total=count, desc="mean image", unit=" images") as bar:
        write_array(path, compute_mean_image(train, size, BadImages(count), bar.update))
