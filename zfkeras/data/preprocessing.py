"""From a square image to what the network reads: mean image, crop, scale.

Plain NumPy on one image, so that it is the same wherever it runs: in a pipeline, in
`zfkeras.load(...).predict`, or by hand.
"""

import dataclasses
import functools
import math
import operator
from collections.abc import Sequence

import numpy as np
from PIL import Image

from zfkeras.data import crops
from zfkeras.data.files import decoding as images


@dataclasses.dataclass(frozen=True, eq=False)
class Preprocessing:
    """Prepares an image for the network (Zeiler & Fergus 2014, sec. 3).

    The image's shorter side is scaled to `image_size`, its centre square cut out, the
    training set's mean image subtracted, and a crop of `crop_size` taken.

    Args:
        mean_image: float32 array (image_size, image_size, 3), range 0-255.
        crop_size: side of the network's input in pixels.
        input_scale: factor on the result. 1 (default) is the paper's range, about
            -128 to 128.
        min_crop_area: smallest fraction of the image's area that a training crop shows.
            `None` (default): training crops keep the image's scale, as in the paper.

    Raises:
        ValueError: the mean image has another shape, such as one number a channel, the
            crop does not fit into it, or the scale is not finite.
        TypeError: the crop's size is no whole number, or the scale no number.
    """

    mean_image: np.ndarray
    crop_size: int
    input_scale: float = 1.0
    min_crop_area: float | None = None

    def __post_init__(self):
        shape = np.shape(self.mean_image)
        if shape[:1] * 2 + (3,) != shape:
            raise ValueError(
                "`mean_image` must be an array (size, size, 3), which "
                "np.full((size, size, 3), mean) makes of one number a channel. "
                f"Received: mean_image.shape={shape}."
            )
        if not 1 <= operator.index(self.crop_size) <= shape[0]:
            raise ValueError(
                f"`crop_size` must be from 1 to the mean image's {shape[0]} pixels. "
                f"Received: crop_size={self.crop_size!r}."
            )
        if not math.isfinite(self.input_scale):
            raise ValueError(
                "`input_scale` must be finite. "
                f"Received: input_scale={self.input_scale!r}."
            )

    @property
    def image_size(self) -> int:
        """Side of the square image in pixels."""
        return self.mean_image.shape[0]

    def centred(self, square: np.ndarray) -> np.ndarray:
        """Subtracts the mean image: uint8 (size, size, 3) -> float32, same shape."""
        difference = np.subtract(square, self.mean_image, dtype=np.float32)
        if self.input_scale != 1:
            difference *= np.float32(self.input_scale)
        return difference

    def training_crop(self, square: np.ndarray, seed: Sequence[int]) -> np.ndarray:
        """Cuts a random crop, flipped half of the time.

        Args:
            square: uint8 array (image_size, image_size, 3).
            seed: whole numbers that alone decide the crop.

        Returns:
            float32 array (crop_size, crop_size, 3).
        """
        if self.min_crop_area is not None:
            return self._scaled_crop(square, np.random.default_rng(list(seed)))
        crop, _ = crops.random_crop(self.centred(square), self.crop_size, seed)
        return np.ascontiguousarray(crop)

    def _scaled_crop(self, square, random):
        """Cuts a crop of random area and shape, and the mean image alike."""
        box = crops.random_box(self.image_size, self.min_crop_area, random)
        size = (self.crop_size, self.crop_size)
        crop = Image.fromarray(square).resize(size, Image.Resampling.BILINEAR, box)
        mean = self._mean_picture.resize(size, Image.Resampling.BILINEAR, box)
        difference = np.asarray(crop, np.float32) - np.asarray(mean, np.float32)
        difference *= np.float32(self.input_scale)
        return np.ascontiguousarray(difference[:, :: random.choice((-1, 1))])

    @functools.cached_property
    def _mean_picture(self):
        return Image.fromarray(np.rint(self.mean_image).astype(np.uint8))

    def centre_crop(self, square: np.ndarray) -> np.ndarray:
        """Cuts the centre crop: float32 (crop_size, crop_size, 3)."""
        return crops.centre_crop(self.centred(square), self.crop_size)

    def ten_crop(self, square: np.ndarray) -> np.ndarray:
        """Cuts corners, centre and their mirror images: (10, crop, crop, 3)."""
        return crops.ten_crop(self.centred(square), self.crop_size)

    def square(self, image) -> np.ndarray:
        """Reads an image (array, path, bytes, Pillow) as uint8 (size, size, 3)."""
        picture = images.read_image(image, self.image_size)
        return images.centre_square(picture, self.image_size)
