"""Which images of a folder are learnt from and which are tested. It learns nothing."""

import dataclasses
from collections.abc import Callable

import numpy as np

from transfer.features.extraction import Features
from transfer.protocols.disjoint import copies
from transfer.protocols.holdout import drawn
from zfkeras.data.register import Source
from zfkeras.data.split import Split
from zfkeras.errors import RunError, UsageError

# Splits that test if the folder brings them, the first that is there.
_TEST_SPLITS = ("validation", "test")
# Images left out that the results name.
_NAMED = 100


@dataclasses.dataclass(frozen=True, eq=False)
class Images:
    """Some images of a split.

    Shapes: `rows` (n_images,).
    """

    features: Features
    split: str
    rows: np.ndarray

    @property
    def labels(self) -> np.ndarray:
        """The images' labels, (n_images,)."""
        return self.features.labels[self.rows]

    @property
    def positions(self) -> np.ndarray:
        """The places of the images in the split, (n_images,)."""
        return self.features.positions[self.rows]


def test_split(source: Source) -> str | None:
    """Returns the split that a folder brings for the test, or `None`."""
    return next((name for name in _TEST_SPLITS if name in source.splits), None)


def divide(
    source: Source, features_of: Callable[[str], Features], fraction: float, seed: int
) -> tuple[Images, Images, dict]:
    """Parts the images; of one that is on both sides the training copy is left out."""
    features, given = features_of("train"), test_split(source)
    rows = np.arange(len(features.labels))
    if given:
        others = features_of(given)
        test = Images(others, given, np.arange(len(others.labels)))
    else:
        tested = drawn(features.labels, fraction, seed)
        test, rows = Images(features, "train", rows[tested]), rows[~tested]
    if not len(test.rows):
        raise UsageError(
            f"--data {source.spec} leaves no image to test on; add images or raise "
            "--test-fraction."
        )
    train = Images(features, "train", rows)
    split, tested = source.split("train"), source.split(test.split)
    is_copy = copies(split, train.positions, tested, test.positions)
    names = names_at(split, train.positions[is_copy][:_NAMED])
    train = dataclasses.replace(train, rows=rows[~is_copy])
    counts = np.bincount(train.labels, minlength=len(source.class_names))
    if not counts.all():
        name = source.class_names[int(counts.argmin())]
        raise RunError(
            f"class {name!r} has no image left to learn from: each is unreadable, or a "
            "test image, too; add images of it."
        )
    return train, test, {"count": int(is_copy.sum()), "images": names}


def names_at(split: Split, positions: np.ndarray) -> list[str]:
    """Returns the display names of the images at some positions of a split."""
    names = [row["id"] for row in split.stream().as_numpy_iterator()]
    return [names[place].decode("utf-8", "backslashreplace") for place in positions]
