"""A random part of a split, and single examples of one by their place in its order.

It chooses and names images; it decodes none.
"""

import dataclasses
from collections.abc import Iterable

import numpy as np

from zfkeras.data.splits import Split

_BATCH = 1024


@dataclasses.dataclass(frozen=True, eq=False)
class Sample(Split):
    """The first `size` examples of a split's shuffled order, in that order.

    Args:
        split: what to draw from.
        size: how many to draw; all of them if there are not so many.
        seed: fixes which.
    """

    split: Split
    size: int
    seed: int = 0

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

    def carve(self, fraction, seed=0):
        raise NotImplementedError("carve the split before a sample is drawn from it")

    def first_classes(self, number):
        return Sample(self.split.first_classes(number), self.size, self.seed)


def draw_sample(split: Split, max_images: int | None, seed: int = 0) -> Split:
    """A random part of a split, or the split itself if it is no larger.

    Args:
        split: what to draw from.
        max_images: the most examples to keep. `None`: all.
        seed: fixes which are drawn.
    """
    if max_images is None or max_images >= split.num_examples:
        return split
    return Sample(split, max_images, seed)


def examples_at(split: Split, places: Iterable[int]) -> dict[int, dict]:
    """The examples at some places of a split's order, in one pass over their names.

    Args:
        split: the images.
        places: positions in `split.stream()`, in any order; may repeat.

    Returns:
        Place -> {"key": bytes, "label": int, "id": str}.

    Raises:
        IndexError: a place past the split's end.
    """
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

    Args:
        split: whose examples they are.
        examples: as `examples_at` returns them.
        preprocessing: of the network.

    Returns:
        float32 array (n, crop, crop, 3).
    """
    crops = [
        preprocessing.centre_crop(preprocessing.square(split.read(example["key"])))
        for example in examples
    ]
    size = preprocessing.crop_size
    return np.stack(crops) if crops else np.zeros((0, size, size, 3), np.float32)
