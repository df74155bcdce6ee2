"""Chooses the preprocessing of a foreign network whose authors do not publish it.

Candidates are compared by the cross-entropy of labelled photographs. It knows the usual
conventions of Caffe, Caffe2 and PyTorch, and no others.
"""

import dataclasses
import logging
import math
from pathlib import Path

import numpy as np
from tqdm import tqdm

from zfkeras.conversion.network import Network
from zfkeras.conversion.onnx.reader import read_onnx
from zfkeras.conversion.preset import Settings, make_classifier
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.pipeline import evaluation_batches
from zfkeras.data.register import Source
from zfkeras.data.sources.tfds import imagenet_class_names
from zfkeras.data.split import ListedSplit
from zfkeras.data.truth import true_label
from zfkeras.errors import RunError, UsageError
from zfkeras.io.provenance import write_record
from zfkeras.models.classifier import Classifier

logger = logging.getLogger(__name__)

# Photographs that the candidates are compared on, at most.
NUM_IMAGES = 500
_BATCH = 32
# A probability that cross-entropy can be taken of.
_SMALLEST = 1e-12
# Cross-entropy from which on a network does no better than guessing, as a fraction of
# that of equal probabilities.
_GUESSING = 0.95

# What is done to RGB of 0-255: (mean, scale) by channel.
_RANGES = {
    "0 to 255": ((0, 0, 0), (1, 1, 1)),
    "less Caffe's mean": ((123, 117, 104), (1, 1, 1)),
    "less 128": ((128, 128, 128), (1, 1, 1)),
    "-1 to 1": ((128, 128, 128), (1 / 128, 1 / 128, 1 / 128)),
    "0 to 1": ((0, 0, 0), (1 / 255, 1 / 255, 1 / 255)),
    "PyTorch's mean and deviation": (
        (123.675, 116.28, 103.53),
        (1 / 58.395, 1 / 57.12, 1 / 57.375),
    ),
}


@dataclasses.dataclass(frozen=True)
class Candidate:
    """One preprocessing: channel order, and mean and scale in that order."""

    name: str
    channels: str
    mean: tuple[float, ...]
    scale: tuple[float, ...]

    def prepare(self, crops: np.ndarray) -> np.ndarray:
        """Preprocesses float32 RGB crops (n, size, size, 3) of 0-255; same shape."""
        crops = crops[..., ::-1] if self.channels == "bgr" else crops
        return (crops - np.float32(self.mean)) * np.float32(self.scale)

    def settings(self) -> Settings:
        """Returns the same as settings of a conversion, with ImageNet's classes."""
        return Settings(
            np.array(self.mean, np.float32),
            self.channels,
            self.scale,
            class_names=imagenet_class_names(),
        )


CANDIDATES = tuple(
    Candidate(f"{channels.upper()}, {name}", channels, mean[::order], scale[::order])
    for channels, order in (("bgr", -1), ("rgb", 1))
    for name, (mean, scale) in _RANGES.items()
)
#: What is taken without labelled photographs: Caffe's usual convention.
DEFAULT = next(one for one in CANDIDATES if one.name == "BGR, less Caffe's mean")


@dataclasses.dataclass(frozen=True)
class Rating:
    """How well a network classifies photographs with a candidate's preprocessing."""

    candidate: Candidate
    top1_error: float
    cross_entropy: float
    num_images: int


def choose_preprocessing(file: Path, source: Source | None, record: Path) -> Candidate:
    """Chooses one of `CANDIDATES`; `DEFAULT` with a warning without photographs."""
    if source is None:
        logger.warning(
            "the preprocessing of %s is not published: %s is assumed, which nothing "
            "has confirmed; give labelled photographs with --data to choose by them",
            file.name,
            DEFAULT.name,
        )
        return DEFAULT
    network, _ = read_onnx(file)
    ratings = rate_candidates(network, source, imagenet_class_names())
    for rating in ratings:
        logger.info(
            "%-32s top-1 error %5.1f %%, cross-entropy %6.3f",
            rating.candidate.name,
            100 * rating.top1_error,
            rating.cross_entropy,
        )
    rows = [dataclasses.asdict(rating) for rating in ratings]
    write_record(record, {"data": source.spec, "candidates": rows})
    return ratings[0].candidate


def rate_candidates(
    network: Network, source: Source, class_names: tuple[str, ...], seed: int = 0
) -> list[Rating]:
    """Evaluates a network with each of `CANDIDATES`; the best rating comes first."""
    source.check_one_class_each()
    outputs = [true_label(name, class_names) for name in source.class_names]
    if not any(output is not None for output in outputs):
        raise UsageError(
            f"--data must show classes that the network knows, such as "
            f"{class_names[0]!r}. Received: {source.spec}, with classes such as "
            f"{source.class_names[0]!r}."
        )
    # It prepares nothing, so that each candidate can.
    raw = Settings(np.zeros(3, np.float32), "rgb", (1.0,), class_names=class_names)
    classifier = make_classifier(network, raw, {})
    answers = _answers(classifier, source, outputs, seed)
    if not all(hits for _, hits in answers.values()):
        raise RunError(
            f"no photograph of {source.spec} could be used: each needs a class that "
            "the network knows"
        )
    ratings = [_rating(candidate, *found) for candidate, found in answers.items()]
    ratings.sort(key=lambda rating: rating.cross_entropy)
    if ratings[0].cross_entropy > _GUESSING * math.log(len(class_names)):
        raise RunError(
            f"none of {len(ratings)} kinds of preprocessing classifies the photographs "
            f"of {source.spec}: the best is wrong for "
            f"{100 * ratings[0].top1_error:.1f} % of {ratings[0].num_images}"
        )
    return ratings


def _answers(classifier: Classifier, source: Source, outputs, seed):
    """Returns of each candidate the true classes' probabilities, and which are top."""
    split = source.split(source.split_name(None))
    if split.num_examples > NUM_IMAGES and isinstance(split, ListedSplit):
        order = np.random.default_rng(seed).permutation(split.num_examples)
        split = split.at(np.sort(order[:NUM_IMAGES]))
    elif split.num_examples > NUM_IMAGES:
        _, split = split.carve(NUM_IMAGES / split.num_examples, seed)
    bad_images = BadImages(split.num_examples)
    batches = evaluation_batches(
        split, classifier.preprocessing, _BATCH, bad_images=bad_images
    )
    found = {candidate: ([], []) for candidate in CANDIDATES}
    total = math.ceil(split.num_examples / _BATCH) * len(CANDIDATES)
    with tqdm(total=total, desc="comparing preprocessing", unit=" batches") as bar:
        for batch in batches.as_numpy_iterator():
            right = np.array(
                [outputs[label] if label >= 0 else None for label in batch["label"]],
                object,
            )
            known = np.array([output is not None for output in right])
            right = right[known].astype(int)
            for candidate, (probabilities, hits) in found.items():
                crops = candidate.prepare(batch["image"][known])
                answers = classifier.model.predict_on_batch(crops)
                probabilities += [*answers[np.arange(len(right)), right]]
                hits += [*(answers.argmax(axis=1) == right)]
                bar.update()
    bad_images.check()
    return found


def _rating(candidate, probabilities, hits) -> Rating:
    entropy = -np.log(np.maximum(np.array(probabilities, float), _SMALLEST)).mean()
    return Rating(candidate, 1 - float(np.mean(hits)), float(entropy), len(hits))
