"""Draws random samples of a split, and reads examples by their place in its order."""

import dataclasses
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from zfkeras.data.files.bad_images import BadImage, BadImages
from zfkeras.data.split import Split
from zfkeras.errors import RunError
from zfkeras.io.terminal import one_line

_BATCH = 1024


@dataclasses.dataclass(frozen=True, eq=False)
class Sample(Split):
    """The first `size` examples of a split's shuffled order, in that order."""

    split: Split  # what to draw from
    size: int  # how many to draw; all of them if there are not so many
    seed: int = 0  # fixes which

    @property
    def num_examples(self):
        return min(self.size, self.split.num_examples)

    def stream(self, shuffle_seed=None, start=0):
        if shuffle_seed is not None:
            raise NotImplementedError("a sample stands in a random order already")
        dataset = self.split.stream(shuffle_seed=(self.seed, 0), start=start)
        return dataset.take(max(0, self.num_examples - start))

    def read(self, key):
        return self.split.read(key)

    def first_classes(self, number):
        return Sample(self.split.first_classes(number), self.size, self.seed)


def draw_sample(split: Split, max_images: int | None, seed: int = 0) -> Split:
    """Draws a random part of a split, or returns the split if it is small."""
    if max_images is None or max_images >= split.num_examples:
        return split
    return Sample(split, max_images, seed)


def examples_at(split: Split, places: Iterable[int]) -> dict[int, dict]:
    """Finds the examples at some places: place -> {"key", "label", "id"}."""
    wanted = np.unique(np.fromiter(places, np.int64))
    found, first = {}, 0
    for batch in split.stream().batch(_BATCH).as_numpy_iterator():
        if len(found) == len(wanted):
            break
        end = first + len(batch["key"])
        for place in wanted[(wanted >= first) & (wanted < end)]:
            row = {name: values[place - first] for name, values in batch.items()}
            found[int(place)] = {
                "key": row["key"],
                "label": int(row["label"]),
                "id": row["id"].decode("utf-8", "replace"),
            }
        first = end
    if len(found) < len(wanted):
        raise IndexError(f"the split has {first} examples. Received: {wanted[-1]}.")
    return found


def load_crops(split: Split, examples: Iterable[dict], preprocessing) -> np.ndarray:
    """Reads and preprocesses examples as an evaluation does.

    Returns float32 array (n, *input_shape).
    """
    squares = _squares(split, examples, preprocessing)
    return _inputs(squares, preprocessing)


def load_pictures(
    split: Split, examples: Iterable[dict], preprocessing
) -> tuple[np.ndarray, np.ndarray]:
    """Reads examples as people see them and as the network does.

    Returns uint8 array (n, height, width, 3) and float32 array (n, *input_shape).
    """
    squares = _squares(split, examples, preprocessing)
    size = preprocessing.input_shape[:2]
    pictures = [preprocessing.view(square) for square in squares]
    pictures = np.stack(pictures) if pictures else np.zeros((0, *size, 3), np.uint8)
    return pictures, _inputs(squares, preprocessing)


def load_probes(split: Split, preprocessing, bad_images: BadImages) -> np.ndarray:
    """Reads a small split whole, without those of its images that cannot be read.

    Returns float32 array (n, *input_shape).
    """
    crops = []
    for example in examples_at(split, range(split.num_examples)).values():
        try:
            crops.append(load_crops(split, [example], preprocessing))
        except RunError as err:
            bad_images.add(example["id"], str(err.__cause__))
    bad_images.check()
    if not crops:
        raise RunError(f"none of {split.num_examples} images could be read")
    return np.concatenate(crops)


def _squares(split, examples, preprocessing) -> list[np.ndarray]:
    def read(example):
        try:
            return preprocessing.square(split.read(example["key"]))
        except (BadImage, OSError) as err:
            raise RunError(
                f"image {one_line(example['id'])} cannot be read: {err}. If it could "
                "be when it was scanned, the images have changed."
            ) from err

    with ThreadPoolExecutor() as threads:
        return [*threads.map(read, examples)]


def _inputs(squares, preprocessing) -> np.ndarray:
    if not squares:
        return np.zeros((0, *preprocessing.input_shape), np.float32)
    return np.stack([preprocessing.centre_crop(square) for square in squares])
