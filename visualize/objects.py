"""Where the object is in an image, for data that tell, and what lies on it.

The built-in shapes tell. It reads no networks and draws nothing.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from visualize.localization import shares_on
from zfkeras.data import shapes
from zfkeras.data.crops import centre_crop
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.sources import Source


def mask_finder(
    source: Source, preprocessing: Preprocessing
) -> Callable[[str], np.ndarray] | None:
    """What finds the object in an image as a network sees it.

    Args:
        source: the data.
        preprocessing: of the network.

    Returns:
        From an image's id to a bool array (crop_size, crop_size), true on the object;
        `None` if the source does not know its objects.
    """
    if source.spec.partition(":")[0] != "shapes":
        return None

    def mask_of(name):
        mask = shapes.mask(name, preprocessing.image_size)[..., None]
        return centre_crop(mask, preprocessing.crop_size)[..., 0]

    return mask_of


class ObjectTally:
    """Counts how much of some reconstructions lies on the objects of their images.

    What is counted is energy, the squares of the values. Beside its share on the
    image's own object stand two that a network which sees no objects would have: the
    object's share of the area, and the share on the objects of the other images, which
    knows besides that objects lie near the middle.

    Args:
        masks: image -> bool array (height, width), its object.
    """

    def __init__(self, masks: Mapping[int, np.ndarray]):
        self._row = {image: row for row, image in enumerate(masks)}
        self._masks = np.stack([*masks.values()]).astype(bool)
        self._shares, self._own = [], []

    def add(self, reconstructions: np.ndarray, images: Iterable[int]) -> None:
        """Counts some more.

        Args:
            reconstructions: float array (n, height, width, channels).
            images: the image of each, n of them.
        """
        energy = np.square(reconstructions).sum(axis=-1)
        self._shares.append(shares_on(energy, self._masks))
        self._own += [self._row[image] for image in images]

    def summary(self) -> dict | None:
        """Means over the reconstructions that are not zero everywhere.

        Returns:
            {"num_reconstructions", "num_images", "share_on_object", "chance": the
            object's share of the area, "share_on_other_objects": `None` where there is
            one image}; `None` if nothing was counted.
        """
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
    """A tally in a sentence.

    Args:
        summary: of an `ObjectTally`.
    """
    count, images = summary["num_reconstructions"], summary["num_images"]
    said = (
        f"{summary['share_on_object']:.0%} of the energy of its reconstructions "
        f"({count:,} of {images:,} images) lies on the object, which covers "
        f"{summary['chance']:.0%} of the image"
    )
    others = summary["share_on_other_objects"]
    return f"{said}." if others is None else f"{said}; {others:.0%} on others' objects."
