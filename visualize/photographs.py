"""Photographs for figures of a few images, and the class each of them shows.

It reads and chooses; it draws nothing.
"""

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from visualize.sample import Sample, examples_at
from zfkeras.data.archives import FolderFiles, open_files
from zfkeras.data.bad_images import BadImage
from zfkeras.data.sources import Source
from zfkeras.data.splits import ListedSplit, Split
from zfkeras.errors import RunError, UsageError
from zfkeras.models.classifier import Classifier
from zfkeras.truth import class_in_name

# How many images are looked at for each one that is wanted.
_CANDIDATES = 20


@dataclasses.dataclass(frozen=True, eq=False)
class Photograph:
    """An image and what it shows.

    Args:
        name: by which people know it.
        square: uint8 array (size, size, 3), before the crop.
        label: its class among the network's; where that is unknown, the network's most
            probable one.
        is_known: whether the class is that of the image, not the network's guess.
        probability: of the class in the image as it is.
        is_first: whether the class is the most probable one.
    """

    name: str
    square: np.ndarray
    label: int
    is_known: bool
    probability: float
    is_first: bool


def open_photographs(
    paths: Sequence[str | Path], class_names: Sequence[str]
) -> ListedSplit:
    """Lists photographs whose names tell what they show.

    Args:
        paths: files and folders of files, or one zip archive.
        class_names: of the network.

    Returns:
        A split in the order given, folders sorted. A label is -1 where the file's name
        begins with no class's name or ImageNet id.

    Raises:
        FileNotFoundError: a path that is not there.
        UsageError: there are no files.
    """
    layout = "a photograph, a folder of photographs or a zip archive of them"
    if len(paths) == 1 and Path(paths[0]).suffix.lower() == ".zip":
        archive = open_files(paths[0], layout)
        keys, read = [archive.key(name) for name in archive.names], archive.read
        names = archive.names
    else:
        folders = [
            open_files(path, layout) if not Path(path).is_file() else None
            for path in paths
        ]
        found = [
            [path] if folder is None else _inside(folder)
            for path, folder in zip(paths, folders, strict=True)
        ]
        names = [str(name) for part in found for name in part]
        keys, read = [name.encode("utf-8", "surrogateescape") for name in names], None
    if not names:
        raise UsageError(f"there are no files in {', '.join(map(str, paths))}.")
    places = {name: place for place, name in enumerate(class_names)}
    stems = [Path(name).stem for name in names]
    labels = [places.get(class_in_name(stem, class_names), -1) for stem in stems]
    ids = [Path(name).name.encode("utf-8", "surrogateescape") for name in names]
    options = {} if read is None else {"read_key": read}
    arrays = (np.array(keys), np.array(labels), np.array(ids))
    return ListedSplit(*arrays, **options)


def _inside(folder: FolderFiles) -> list[Path]:
    return [folder.path / name for name in folder.names]


def labels_in(source: Source, class_names: Sequence[str]) -> np.ndarray:
    """Which of a network's classes each class of a source is; -1 for none.

    Args:
        source: of images.
        class_names: of the network.
    """
    places = {name: place for place, name in enumerate(class_names)}
    found = [class_in_name(name, class_names) for name in source.class_names]
    return np.array([places.get(name, -1) for name in found], np.int64)


def choose_photographs(
    split: Split,
    classifier: Classifier,
    number: int,
    seed: int = 0,
    labels: np.ndarray | None = None,
) -> list[Photograph]:
    """Chooses images of which the network knows what they show.

    All of them if there are no more than `number`. Otherwise up to 20 times as many are
    drawn at random; those come first whose class the network has and names rightly, so
    that there is a probability to be lost, then others whose class it has, then the
    rest.

    Args:
        split: images.
        classifier: the network.
        number: how many to choose.
        seed: fixes which are drawn.
        labels: from the split's labels to the network's. `None` (default): they are the
            same, and -1 is unknown.

    Returns:
        At most `number`. Images that cannot be read are left out, with a warning.

    Raises:
        RunError: none can be read.
    """
    if split.num_examples > number:
        split = Sample(split, _CANDIDATES * number, seed)
    found = _read(split, classifier, labels)
    if not found:
        raise RunError("none of the files could be read as an image")
    if len(found) <= number:
        return found
    best = sorted(found, key=lambda one: (not one.is_known, not one.is_first))
    return best[:number]


def _read(split, classifier, labels) -> list[Photograph]:
    examples, squares = [], []
    for example in examples_at(split, range(split.num_examples)).values():
        try:
            encoded = split.read(example["key"])
            squares.append(classifier.preprocessing.square(encoded))
            examples.append(example)
        except (BadImage, OSError) as err:
            logging.getLogger(__name__).warning("left out: %s: %s", example["id"], err)
    answers = classifier.predict(squares)
    photographs = []
    for example, square, answer in zip(examples, squares, answers, strict=True):
        label = example["label"]
        label = int(labels[label] if labels is not None and label >= 0 else label)
        first = int(np.argmax(answer))
        shown = label if label >= 0 else first
        photographs.append(
            Photograph(
                example["id"],
                square,
                shown,
                label >= 0,
                float(answer[shown]),
                shown == first,
            )
        )
    return photographs
