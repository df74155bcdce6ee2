"""The images of an experiment: those to learn from and those held out.

It reads names, labels and the content of a few files; it decodes no image.
"""

import dataclasses
import hashlib
import logging
import os
from collections.abc import Sequence

from zfkeras.data.register import Source, open_source
from zfkeras.data.soft_labels import with_soft_labels
from zfkeras.data.split import Split
from zfkeras.errors import UsageError
from zfkeras.models.fingerprint import images_digest
from zfkeras.models.variants import find_variant
from zfkeras.training.config import TrainConfig, check

logger = logging.getLogger(__name__)


def open_data(config: TrainConfig, source: Source | None = None) -> Source:
    """Returns the images of an experiment, without those its settings leave out."""
    check(config)
    find_variant(config.model.variant)
    source = source or open_source(config.data.source)
    source.check_one_class_each()
    if config.data.leave_out is not None:
        source = _without_listed(source, config.data.leave_out)
    if config.data.num_classes is None:
        return source
    return source.first_classes(config.data.num_classes)


def _without_listed(source: Source, path: str) -> Source:
    """Leaves out of the training images those that a file names, one a line."""
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"data.leave_out must be a text file. Received: {path}, which is none."
        )
    with open(path, "rb") as file:
        names = {line.rstrip(b"\r\n") for line in file} - {b""}
    whole = source.split("train")
    kept = whole.without(names)
    if names and kept.num_examples == whole.num_examples:
        raise UsageError(
            f"data.leave_out must name training images of --data {source.spec}, one a "
            f"line. Received: {path}, which names none of them."
        )
    logger.info(
        "%d of %d training images are left out, which %s names",
        whole.num_examples - kept.num_examples,
        whole.num_examples,
        path,
    )
    return dataclasses.replace(source, splits={**source.splits, "train": kept})


def describe_images(
    class_names: Sequence[str], train: Split, held_out: Split | None
) -> dict:
    """Describes a run's images for config.json, to tell whether they have changed.

    Names, labels and the content of 64 images count, not the folder they lie in; of a
    TensorFlow data set the first 1,000 names.
    """
    names = hashlib.sha256("\n".join(class_names).encode("utf-8", "surrogateescape"))
    return {"class_names": names.hexdigest()} | {
        part: {
            "count": split.num_examples,
            "digest": images_digest(split, at_most=1000),
        }
        if split is not None
        else {"count": 0, "digest": None}
        for part, split in (("train", train), ("held_out", held_out))
    }


def carved(config: TrainConfig, source: Source) -> tuple[Split, Split | None]:
    """Splits the training images: most to train on, some held out to set the rate by.

    Returns (images to learn from, images held out or `None`).
    """
    train, held_out = _carved(config, source)
    if config.data.soft_labels is not None:
        classes = len(source.class_names)
        train = with_soft_labels(train, config.data.soft_labels, classes)
    return train, held_out


def _carved(config, source):
    train = source.split("train")
    if train.num_examples == 0:
        raise UsageError(f"--data {source.spec} holds no training images.")
    if not config.data.validation_fraction:
        return train, None
    train, held_out = train.carve(config.data.validation_fraction, config.seed)
    if train.num_examples == 0:
        raise UsageError(
            f"data.validation_fraction={config.data.validation_fraction} leaves no "
            f"images of --data {source.spec} to learn from."
        )
    if held_out.num_examples == 0:
        raise UsageError(
            f"data.validation_fraction={config.data.validation_fraction} holds out "
            f"none of the {train.num_examples} training images of --data "
            f"{source.spec}, as no class has enough; make it larger, or 0 to learn "
            "from all of them."
        )
    return train, held_out
