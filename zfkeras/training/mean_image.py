"""The mean image of a run's training images, computed once and kept in its folder."""

from pathlib import Path

import numpy as np
from tqdm import tqdm

from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.pipeline import compute_mean_image
from zfkeras.data.split import Split
from zfkeras.io.arrays import read_array, write_array
from zfkeras.io.files import warn_of_damage
from zfkeras.training.distributed.workers import Workers


def make_mean_image(
    path: Path, train: Split, size: int, bad_images: BadImages, workers: Workers
) -> np.ndarray:
    """Reads the mean image, or computes it, all workers together.

    Returns float32 array (size, size, 3).
    """
    found = _read(path) if workers.is_chief else None
    if not workers.exchange(found is None)[0]:
        nothing = np.zeros((size, size, 3), np.float32)
        arrays = {"mean": nothing if found is None else found}
        return workers.arrays_from_chief(arrays, {"mean": nothing})["mean"]
    share = workers.share(train)
    with (
        workers.forbearing(bad_images),
        tqdm(
            total=share.num_examples,
            desc="mean image",
            unit=" images",
            disable=not workers.is_chief,
        ) as bar,
    ):
        mean_image = compute_mean_image(
            share, size, bad_images, bar.update, workers.sum
        )
    workers.from_chief(lambda: write_array(path, mean_image))
    return mean_image


def _read(path: Path) -> np.ndarray | None:
    """Returns what an earlier start of the run kept, unless it is damaged."""
    if not path.exists():
        return None
    try:
        return read_array(path)
    except ValueError as err:
        warn_of_damage(path, err, "computing it anew")
        return None
