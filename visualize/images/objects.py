"""Finds the object in images of data that have masks, and what lies on it."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from visualize.images.localization import shares_on
from zfkeras.data.crops import centre_crop
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.register import Source
from zfkeras.data.sources import shapes


def mask_finder(
    source: Source, preprocessing: Preprocessing
) -> Callable[[str], np.ndarray] | None:
    """Returns a function from an image's id to its mask, or `None`.

    A mask is a bool array (height, width) of the network's input.
    """
    if source.spec.partition(":")[0] != "shapes":
        return None

    def mask_of(name):
        mask = shapes.mask(name, preprocessing.image_size)[..., None]
        mask = centre_crop(mask, preprocessing.image_shape[:2])
        return preprocessing.view(mask)[..., 0]

    return mask_of


class ObjectTally:
    """Counts the share of energy (squares) on the objects of the images."""

    def __init__(self, masks: Mapping[int, np.ndarray]):
        self._row = {image: row for row, image in enumerate(masks)}
        self._masks = np.stack([*masks.values()]).astype(bool)
        self._shares, self._own = [], []

    def add(self, reconstructions: np.ndarray, images: Iterable[int]) -> None:
        """Counts more reconstructions.

        reconstructions: float array (n, height, width, channels).
        """
        energy = np.square(reconstructions).sum(axis=-1)
        self._shares.append(shares_on(energy, self._masks))
        self._own += [self._row[image] for image in images]

    def summary(self) -> dict | None:
        """Means over the reconstructions that are not all zeros; `None` without any."""
        shares = np.concatenate([*self._shares, np.zeros((0, len(self._masks)))])
        own, kept = np.array(self._own, int), ~np.isnan(shares[:, 0])
        shares, own = shares[kept], own[kept]
        if not len(own):
            return None
        mine = shares[np.arange(len(own)), own]
        num_others = len(self._masks) - 1
        elsewhere = (shares.sum(axis=1) - mine) / max(num_others, 1)
        return {
            "num_reconstructions": len(own),
            "num_images": len(np.unique(own)),
            "share_on_object": float(mine.mean()),
            "chance": float(self._masks[own].mean()),
            "share_on_other_objects": float(elsewhere.mean()) if num_others else None,
        }


def said_of_objects(summary: Mapping) -> str:
    """Describes a tally's summary in a sentence."""
    count, images = summary["num_reconstructions"], summary["num_images"]
    said = (
        f"{summary['share_on_object']:.0%} of the energy of its reconstructions "
        f"({count:,} of {images:,} images) lies on the object, which covers "
        f"{summary['chance']:.0%} of the image"
    )
    others = summary["share_on_other_objects"]
    return f"{said}." if others is None else f"{said}; {others:.0%} on others' objects."
