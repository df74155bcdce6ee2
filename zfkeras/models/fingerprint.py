"""Digests of networks and of images, for the keys of what is computed from them.

What is kept of a pass over images serves again only while both are the same. It decides
nothing about where it is kept.
"""

import contextlib
import hashlib
import json

import keras
import numpy as np

from zfkeras.data.split import ListedSplit, Split

# Images whose content is read: all would take as long as the pass itself.
_SAMPLED_IMAGES = 64


def network_digest(model: keras.Model, preprocessing) -> str:
    """Digests all that decides what a network makes of a centre crop.

    Its graph, with names and settings of all layers, its weights, and what
    preprocessing makes of a fixed image; not the model's own name.
    """
    graph = {key: value for key, value in model.get_config().items() if key != "name"}
    digest = hashlib.sha256(json.dumps(graph, sort_keys=True, default=repr).encode())
    for weight in model.get_weights():
        digest.update(np.ascontiguousarray(weight))
    shape = (*preprocessing.image_shape[:2], 3)
    probe = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    digest.update(np.ascontiguousarray(preprocessing.centre_crop(probe)))
    return digest.hexdigest()


def images_digest(
    split: Split, *, at_most: int | None = None, with_contents: bool = True
) -> str:
    """Digests a split's images: their number, names and labels, and some contents."""
    digest = hashlib.sha256(b"%d images\n" % split.num_examples)
    known = split.num_examples
    if not isinstance(split, ListedSplit) and at_most is not None:
        known = min(known, at_most)
    every = max(1, known // _SAMPLED_IMAGES)
    for number, (key, label, name) in enumerate(_rows(split, known)):
        digest.update(b"%d %s\n" % (label, name))
        if with_contents and number % every == 0:
            with contextlib.suppress(OSError):
                digest.update(hashlib.sha256(split.read(key)).digest())
    return digest.hexdigest()


def _rows(split, number):
    """Returns the first (key, label, name) of a split."""
    if isinstance(split, ListedSplit):
        yield from zip(split.keys, split.labels, split.names, strict=True)
        return
    # Some at once, for a million images; not many, for keys that are whole files.
    for batch in split.stream().take(number).batch(64).as_numpy_iterator():
        yield from zip(batch["key"], batch["label"], batch["id"], strict=True)
