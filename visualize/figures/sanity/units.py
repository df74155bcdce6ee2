"""The units that are tested: some channels of a layer, each in its nine images."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from visualize.images.sample import examples_at, load_pictures
from visualize.strongest.patches import boxes
from visualize.strongest.top_activations import Strongest
from zfkeras.data.split import Split
from zfkeras.graph.boxes import Boxes, Span

TOP = 9  # images of each channel, as in Fig. 2
PROBES = 3  # of them, in the tests that cost most
FEWEST = 2  # channels to be compared with each other


@dataclasses.dataclass(frozen=True, eq=False)
class Units:
    """Units of some channels, `TOP` for each channel, channel by channel."""

    channels: np.ndarray  # int array (k,)
    positions: np.ndarray  # int array (n, 2), n = k * TOP
    which: np.ndarray  # int array (n,), the input of each
    inputs: np.ndarray  # float32 array (m, height, width, channels)
    pictures: np.ndarray  # uint8 array (m, height, width, 3)
    objects: np.ndarray | None  # bool array (m, height, width), if they are known
    fields: np.ndarray  # int array (n, 4), what each sees; may overhang the image

    @property
    def owners(self) -> np.ndarray:
        """The channel of each unit, counted from 0, int array (n,)."""
        return np.repeat(np.arange(len(self.channels)), TOP)

    @property
    def probes(self) -> np.ndarray:
        """The units in the strongest images of each channel, int array."""
        numbers = np.arange(len(self.which)).reshape(-1, TOP)
        return numbers[:, :PROBES].ravel()

    def is_seen(self) -> np.ndarray:
        """Returns which pixels each unit sees, bool array (n, height, width)."""
        height, width = self.inputs.shape[1:3]
        top, left, bottom, right = self.fields.T[:, :, None]
        y, x = np.arange(height), np.arange(width)
        rows, columns = (y >= top) & (y < bottom), (x >= left) & (x < right)
        return rows[:, :, None] & columns[:, None, :]

    def aligned(
        self, images: np.ndarray, rows: np.ndarray | slice = slice(None)
    ) -> tuple[np.ndarray, np.ndarray]:
        """Cuts images of some units so that the units' centres meet.

        images: array (n, height, width, channels). Returns what is seen, at most as
        large as the image, 0 outside of it, and a bool array (n, height, width) of what
        is inside.
        """
        top, left, bottom, right = self.fields[rows].T
        places, masks = [], []
        for first, end, side in (
            (top, bottom, images.shape[1]),
            (left, right, images.shape[2]),
        ):
            size = min(int((end - first)[0]), side)
            place = (first + (end - first - size) // 2)[:, None] + np.arange(size)
            places.append(np.clip(place, 0, side - 1))
            masks.append((place >= 0) & (place < side))
        mask = masks[0][:, :, None] & masks[1][:, None, :]
        which = np.arange(len(images))[:, None, None]
        cut = images[which, places[0][:, :, None], places[1][:, None, :]]
        return np.where(mask[..., None], cut, 0), mask


def choose_channels(strongest: Strongest, count: int, seed: int) -> np.ndarray:
    """Draws channels that `TOP` images bring above 0; fewer, or none, if there are."""
    active = np.flatnonzero((strongest.values > 0).all(axis=1))
    random = np.random.default_rng([seed, *strongest.layer_name.encode()])
    return np.sort(random.choice(active, min(count, len(active)), replace=False))


def read_units(
    strongest: Strongest,
    channels: Sequence[int],
    field: Boxes | None,
    split: Split,
    preprocessing,
    mask_of: Callable[[str], np.ndarray] | None,
) -> Units:
    """Reads the images of some channels."""
    places, which = np.unique(strongest.images[channels].ravel(), return_inverse=True)
    examples = examples_at(split, places)
    examples = [examples[place] for place in places.tolist()]
    pictures, inputs = load_pictures(split, examples, preprocessing)
    height, width = inputs.shape[1:3]
    field = field or Boxes(Span(0, height, 0), Span(0, width, 0))
    positions = strongest.positions[channels].reshape(-1, 2)
    return Units(
        np.asarray(channels),
        positions,
        which.ravel(),
        inputs,
        pictures,
        mask_of and np.stack([mask_of(example["id"]) for example in examples]) > 0,
        boxes(field, positions),
    )
