"""Features of a network's layers for every image of a split, kept on disk.

One sharded pass computes all layers that are asked for and not yet there.
"""

import dataclasses
import functools
import logging
import math
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from transfer.features.cache import fingerprint, read_layers, write_layer
from transfer.features.known_network import KnownNetwork
from transfer.features.layers import layer_tensors
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.split import Split
from zfkeras.errors import RunError
from zfkeras.graph.layer_outputs import compile_outputs
from zfkeras.io.file_names import layer_stem
from zfkeras.io.locks import claimed
from zfkeras.models.classifier import Classifier
from zfkeras.passes.dask_engine import DaskEngine
from zfkeras.passes.sharded import SHARD_SIZE, Compute, Pass, add_bad_images

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, eq=False)
class Features:
    """The features of a split's images.

    Shapes: `labels` int64 (n_images,), `positions` int64 (n_images,). `threads`: how
    many of TensorFlow's computed them; several if runs that were interrupted differ.
    """

    layers: dict[int | str, np.ndarray]
    labels: np.ndarray
    positions: np.ndarray
    threads: Sequence[int]
    seconds: float


def extract(
    network: Classifier | KnownNetwork,
    split: Split,
    layers: Sequence[int | str],
    cache: Path,
    *,
    data: str,
    batch_size: int = 128,
    dtype: str = "float16",
    bad_images: BadImages | None = None,
    shard_size: int = SHARD_SIZE,
    engine: DaskEngine | None = None,
) -> Features:
    """Reads features from the cache, and computes what is not there in one pass.

    `engine`: computes the shards; `None` (default) means this process.
    """
    if isinstance(network, Classifier):
        network = KnownNetwork(lambda classifier=network: classifier)
    folder = Path(cache, fingerprint(network.digest, split, data, dtype))
    wanted = [*network.sizes(layers)]
    bad_images = bad_images or BadImages(split.num_examples)
    seconds = 0.0

    def compute(missing):
        place = folder / "shards" / f"features-{batch_size}"
        names = [*map(layer_stem, missing), "labels", "positions"]
        prepare = functools.partial(compute_features, layers=missing, dtype=dtype)
        classifier = network.classifier
        with tqdm(total=split.num_examples, desc="features", unit=" images") as bar:
            images = Pass(
                split, classifier.preprocessing, batch_size, bad_images, bar, engine
            )
            paths = images.run(place, names, prepare, classifier.model, shard_size)
        with ThreadPoolExecutor() as threads:  # each waits for the disk
            jobs = [threads.submit(write_layer, folder, one, paths) for one in missing]
        for job in jobs:
            job.result()
        shutil.rmtree(place.parent)

    if len(files := read_layers(folder, wanted)) == len(wanted):
        logger.info("features of layers %s are in %s", wanted, folder)
    else:
        with claimed(folder, wait=True):  # another process may have computed some
            files = read_layers(folder, wanted)
            while missing := [layer for layer in wanted if layer not in files]:
                begin = time.perf_counter()
                compute(missing)
                seconds += time.perf_counter() - begin
                files = read_layers(folder, wanted)
    first = files[wanted[0]]
    add_bad_images(first.bad_images, bad_images)
    maps = {layer: files[layer].features for layer in wanted}
    threads = sorted({number for layer in wanted for number in files[layer].threads})
    return Features(maps, first.labels, first.positions, threads, seconds)


def compute_features(
    model: keras.Model, layers: Sequence[int | str], dtype: str
) -> Compute:
    """Compiles the network up to some layers, for the shards of a split."""
    tensors = layer_tensors(model, layers)
    outputs = compile_outputs(model, tensors.values())
    sizes = [math.prod(tensor.shape[1:]) for tensor in tensors.values()]

    @tf.function(reduce_retracing=True)
    def forward(images):
        maps = zip(outputs(images), sizes, strict=True)
        return [tf.cast(tf.reshape(one, [-1, size]), dtype) for one, size in maps]

    def compute(batches):
        for batch in batches:
            arrays = {"labels": batch["label"], "positions": batch["position"]}
            for layer, maps in zip(tensors, forward(batch["image"]), strict=True):
                arrays[layer_stem(layer)] = values = np.asarray(maps)
                _check_finite(layer, values)
            yield arrays

    return compute


def _check_finite(layer, values):
    if not _is_finite(values):
        raise RunError(
            f"layer {layer} has features that {values.dtype} cannot hold; use "
            "--feature-dtype float32, or check the network's weights."
        )


def _is_finite(values):
    """Computes `np.isfinite(values).all()` in a fraction of its time for float16."""
    # Infinity and NaN have the largest bits of either sign.
    return all(
        values.view(f"{kind}{values.itemsize}").max(initial=0)
        < np.array(limit, values.dtype).view(f"{kind}{values.itemsize}")
        for kind, limit in (("i", np.inf), ("u", -np.inf))
    )
