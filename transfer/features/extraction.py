"""Features of a network's layers for every image of a split, kept on disk.

One forward pass gives all layers that are asked for and not yet there; they are written
image by image, so that memory does not grow with the data set.
"""

import dataclasses
import logging
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from transfer.experiments.layers import layer_tensors
from transfer.features.cache import FeatureCache, fingerprint
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.pipeline import evaluation_batches
from zfkeras.data.split import Split
from zfkeras.errors import RunError
from zfkeras.graph.layer_outputs import compile_outputs
from zfkeras.models.classifier import Classifier

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, eq=False)
class Features:
    """What a network makes of a split's images.

    Shapes: `labels` int64 (n_images,), `positions` int64 (n_images,).
    """

    layers: dict[int | str, np.ndarray]
    labels: np.ndarray
    positions: np.ndarray
    seconds: float


def extract(
    classifier: Classifier,
    split: Split,
    layers: Sequence[int | str],
    cache: Path,
    *,
    data: str,
    batch_size: int = 128,
    dtype: str = "float16",
    bad_images: BadImages | None = None,
) -> Features:
    """Reads features from the cache, and computes what is not there in one pass."""
    wanted = layer_tensors(classifier.model, layers)
    store = FeatureCache(cache, fingerprint(classifier, split, data, dtype))
    seconds = 0.0
    bad_images = bad_images or BadImages(max(split.num_examples, 1))
    if all([store.has(layer) for layer in wanted]):
        logger.info("features of layers %s are in %s", [*wanted], store.folder)
    else:
        with store.claimed():  # by now another process may have computed some
            missing = [layer for layer in wanted if not store.has(layer)]
            if missing:
                seconds = _compute(
                    classifier, split, missing, store, batch_size, dtype, bad_images
                )
    labels, positions = store.read_labels()
    for name, reason in store.read_bad_images().items():
        bad_images.add(name, reason)
    bad_images.check()
    maps = {layer: store.read(layer) for layer in wanted}
    return Features(maps, labels, positions, seconds)


class Extractor:
    """Computes features batch by batch, of some layers in one forward pass."""

    def __init__(self, classifier: Classifier, layers: Sequence[int | str], dtype: str):
        tensors = layer_tensors(classifier.model, layers)
        outputs = compile_outputs(classifier.model, tensors.values())
        sizes = {layer: math.prod(t.shape[1:]) for layer, t in tensors.items()}

        @tf.function(reduce_retracing=True)
        def forward(images):
            return [
                tf.cast(tf.reshape(maps, [-1, size]), dtype)
                for maps, size in zip(outputs(images), sizes.values(), strict=True)
            ]

        self.sizes = sizes
        self._preprocessing = classifier.preprocessing
        self._forward = forward

    def batches(
        self, split: Split, batch_size: int, bad_images: BadImages, start: int = 0
    ) -> Iterator[tuple[dict[int | str, np.ndarray], np.ndarray, np.ndarray]]:
        """Yields layer -> (batch, n_features), labels and positions in the split."""
        for batch in evaluation_batches(
            split, self._preprocessing, batch_size, start=start, bad_images=bad_images
        ):
            outputs = self._forward(batch["image"])
            features = {
                layer: maps.numpy()
                for layer, maps in zip(self.sizes, outputs, strict=True)
            }
            _check_finite(features)
            yield features, batch["label"].numpy(), batch["position"].numpy()


def _compute(classifier, split, layers, store, batch_size, dtype, bad_images):
    """One pass over the images; returns the seconds it took."""
    extractor = Extractor(classifier, layers, dtype)
    with (
        store.writing(extractor.sizes, split.num_examples, dtype) as writer,
        ThreadPoolExecutor(1) as writing,  # while the next batch is computed
    ):
        for name, reason in writer.bad_images.items():
            bad_images.add(name, reason)
        batches = extractor.batches(split, batch_size, bad_images, writer.next_position)
        with tqdm(
            total=split.num_examples,
            initial=writer.next_position,
            desc="features",
            unit=" images",
        ) as bar:
            written = writing.submit(int)  # nothing yet
            for features, labels, positions in batches:
                written.result()
                bad_images.check()
                writer.save_if_due(bad_images.reasons())
                written = writing.submit(writer.add, features, labels, positions)
                bar.update(len(labels))
            written.result()
            bad_images.check()
            writer.save_if_due(bad_images.reasons())
            writer.bad_images = bad_images.reasons()
            return bar.format_dict["elapsed"]


def _check_finite(features):
    for layer, values in features.items():
        if not _is_finite(values):
            raise RunError(
                f"layer {layer} has features that {values.dtype} cannot hold; use "
                "--feature-dtype float32, or check the network's weights."
            )


def _is_finite(values):
    """What `np.isfinite(values).all()` says, in a fifth of its time for float16."""
    bits = f"u{values.itemsize}"
    infinity = np.array(np.inf, values.dtype).view(bits)
    # Without their signs, infinity and NaN are the largest of all.
    return (values.view(bits) << 1).max(initial=0) < infinity << 1
