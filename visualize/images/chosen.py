"""Chooses and reads a figure's images: named files, or some drawn from data."""

import dataclasses
import functools
import itertools
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from visualize.images.objects import mask_finder
from visualize.images.sample import Sample
from zfkeras.data.files.bad_images import BadImage
from zfkeras.data.files.image_file import read_file
from zfkeras.data.files.image_types import may_be_image
from zfkeras.data.register import Source
from zfkeras.data.truth import true_label
from zfkeras.errors import RunError, UsageError
from zfkeras.models.classifier import Classifier, predict_crops

POOL = 256  # images looked at, at most, to find ones that the network gets right
_AT_ONCE = 32
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, eq=False)
class ChosenImage:
    """One image of a figure."""

    name: str  # by which people know it: a path, or its id in the data set
    square: np.ndarray  # uint8 array (image_size, image_size, 3)
    label: int | None  # the true class, where it is known
    predicted: int  # the network's answer to the centre crop
    mask: np.ndarray | None = None  # bool array (crop_size, crop_size)

    @property
    def shown_label(self) -> int:
        """Returns the true label, or the network's answer where that is not known."""
        return self.predicted if self.label is None else self.label

    def shown_class(self, class_names: Sequence[str]) -> str:
        """Names the class in a picture."""
        note = " (most likely)" if self.label is None else ""
        return f"{class_names[self.shown_label]}{note}"

    def to_json(self, class_names: Sequence[str]) -> dict:
        """Returns the name, the class and whence it is known."""
        return {
            "image": self.name,
            "class_name": class_names[self.shown_label],
            "class_is": "most likely" if self.label is None else "true",
        }


def chosen_images(
    classifier: Classifier, source: Source, split_name: str, settings
) -> list[ChosenImage]:
    """Returns the images that are named, or some drawn from the data if none are."""
    if settings.images:
        return _images_of_files(classifier, settings)
    if settings.classes:
        raise UsageError("--classes names the classes of --images, which is missing.")
    return _images_of_split(classifier, source, split_name, settings)


def _images_of_files(classifier, settings) -> list[ChosenImage]:
    """Reads the files that are named; of folders, some of the images in them."""
    paths, classes, count = settings.images, settings.classes, settings.count
    if classes and len(classes) != len(paths):
        raise UsageError(
            argument="--classes",
            received=f"{len(classes)} for {len(paths)}",
            expected="one class for each of --images",
        )
    given = [_known_label(name, classifier.class_names) for name in classes]
    named, below = [], []
    for path, label in itertools.zip_longest(paths, given):
        is_folder = path.is_dir()
        for file in images_below(path) if is_folder else [_existing(path)]:
            found = _label_of_file(file, classifier) if label is None else label
            candidate = (str(file), functools.partial(read_file, file), found, None)
            (below if is_folder else named).append(candidate)
    images = [*_looked_at(classifier, named, is_alone=len(paths) == 1)]
    if len(below) > count:
        order = np.random.default_rng([settings.seed, 2]).permutation(len(below))
        images += _right_ones(classifier, (below[i] for i in order), count)
    else:
        images += _looked_at(classifier, below)
    if not images:
        raise RunError("none of the files could be read as an image")
    return images


def _images_of_split(classifier, source, split_name, settings) -> list[ChosenImage]:
    """Draws images of a split that the network gets right, of different classes."""
    labels = [true_label(name, classifier.class_names) for name in source.class_names]
    sample = Sample(source.split(split_name), POOL, settings.seed)
    mask_of = mask_finder(source, classifier.preprocessing)

    def candidates():
        for row in sample.stream().as_numpy_iterator():
            name = row["id"].decode("utf-8", "replace")
            label = labels[row["label"]] if row["label"] >= 0 else None
            yield name, functools.partial(sample.read, row["key"]), label, mask_of

    # A network of other classes gets none right.
    pool = POOL if any(label is not None for label in labels) else settings.count
    return _right_ones(classifier, candidates(), settings.count, pool)


def images_below(folder: Path) -> list[Path]:
    """Lists the files below a folder that have an image's name and are not hidden."""
    files = [
        file
        for file in folder.rglob("*")
        if may_be_image(file.name)
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
        and file.is_file()
    ]
    if not files:
        raise UsageError(f"--images: {folder} holds no images.")
    return sorted(files)


def _known_label(name, class_names) -> int:
    label = true_label(name, class_names)
    if label is None:
        raise UsageError(
            argument="--classes",
            received=repr(name),
            expected="names or ImageNet ids of the network's "
            f"{len(class_names)} classes, such as {class_names[0]!r}",
        )
    return label


def _label_of_file(file, classifier) -> int | None:
    """Finds the class in the name of a file or of its folder."""
    names = (file.stem, file.absolute().parent.name)
    labels = (true_label(name, classifier.class_names) for name in names)
    return next((label for label in labels if label is not None), None)


def _existing(path: Path) -> Path:
    if not path.exists():
        raise FileNotFoundError(f"no such image: {path}")
    return path


def _right_ones(classifier, candidates, count, pool=POOL) -> list[ChosenImage]:
    """Takes images the network gets right, each of another class, then others."""
    right, others = {}, []
    for image in _looked_at(classifier, itertools.islice(candidates, pool)):
        if image.predicted == image.label and image.label not in right:
            right[image.label] = image
        elif len(others) < count:
            others.append(image)
        if len(right) == count:
            break
    if not right and not others:
        raise RunError("none of the files could be read as an image")
    return [*right.values(), *others][:count]


def _looked_at(classifier, candidates, is_alone=False) -> Iterator[ChosenImage]:
    """Reads images and asks the network, a batch at a time; leaves out bad ones."""
    candidates, preprocessing = iter(candidates), classifier.preprocessing
    while batch := [*itertools.islice(candidates, _AT_ONCE)]:
        read = [*_readable(preprocessing, batch, is_alone)]
        if not read:
            continue
        crops = [preprocessing.centre_crop(square) for _, square, _, _ in read]
        predicted = predict_crops(classifier.model, np.stack(crops)).argmax(axis=1)
        for (name, square, label, mask_of), answer in zip(read, predicted, strict=True):
            mask = mask_of and mask_of(name)
            yield ChosenImage(name, square, label, int(answer), mask)


def _readable(preprocessing, batch, is_alone):
    """Yields (name, square, label, mask_of) of the images that can be read."""
    for name, read, label, mask_of in batch:
        try:
            square = preprocessing.square(read())
        except (BadImage, OSError) as err:
            if is_alone:
                raise UsageError(f"--images: {name} cannot be read: {err}.") from err
            _log.warning("left out %s: %s", name, err)
            continue
        yield name, square, label, mask_of
