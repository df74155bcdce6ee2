"""From an image to what the network reads: size, channels, mean, scale, crop.

Plain NumPy on one image, so that it is the same wherever it runs: in a pipeline, in
`zfkeras.load(...).predict`, or by hand.
"""

import dataclasses
import operator
from collections.abc import Sequence

import numpy as np
from PIL import Image

from zfkeras.data import crops
from zfkeras.data.files import decoding as images

CHANNEL_ORDERS = ("rgb", "bgr")


@dataclasses.dataclass(frozen=True, eq=False)
class Preprocessing:
    """Prepares an image for the network (Zeiler & Fergus 2014, sec. 3).

    The image is resized until it covers the mean image's size, and its centre is cut
    out: of a square, its shorter side is scaled. The channels are put into the
    network's order, the mean is subtracted, the difference is scaled, and a crop of
    `crop_size` is taken.

    Args:
        mean_image: float array (height, width, channels), range 0-255, with three
            channels in the network's order, or one for a network of grey images. One
            number for each channel means an image of the crop's size.
        crop_size: side of the network's input in pixels, or its (height, width).
        input_scale: factor on the difference, or one for each channel, such as 1 over
            the standard deviation. 1 (default) is the paper's range, about -128 to 128.
        min_crop_area: smallest fraction of the image's area that a training crop shows;
            for square images only. `None` (default): training crops keep the image's
            scale, as in the paper.
        channel_order: "rgb" (default) or "bgr", as networks of Caffe have it.
        max_reduction: training crops are as blurred as if the image had been reduced
            up to so many times, by a random number of times, so that the network does
            not learn classes by their sharpness. `None` (default): they are as sharp
            as the image.

    Raises:
        ValueError: the mean image has another shape, the crop does not fit into it, the
            scale is not finite or not of as many channels, or no such channel order.
        TypeError: the crop's size is no whole number, or the scale no number.

    Example:
        >>> torch = Preprocessing((123.675, 116.28, 103.53), (32, 48), (0.017,) * 3)
        >>> torch.input_shape
        (32, 48, 3)
    """

    mean_image: np.ndarray | Sequence[float]
    crop_size: int | tuple[int, int]
    input_scale: float | tuple[float, ...] = 1.0
    min_crop_area: float | None = None
    channel_order: str = "rgb"
    max_reduction: float | None = None

    def __post_init__(self):
        size = _checked_size(self.crop_size)
        mean = _whole_mean(self.mean_image, size)
        object.__setattr__(self, "crop_size", size)
        object.__setattr__(self, "mean_image", mean)
        height, width = crops.size_pair(size)
        if not (1 <= height <= mean.shape[0] and 1 <= width <= mean.shape[1]):
            raise ValueError(
                "`crop_size` must be from 1 to the mean image's "
                f"{mean.shape[0]} x {mean.shape[1]} pixels. "
                f"Received: crop_size={self.crop_size!r}."
            )
        scale = np.asarray(self.input_scale)
        if scale.dtype.kind not in "iuf":
            raise TypeError(
                "`input_scale` must be a number, or one for each channel. "
                f"Received: input_scale={self.input_scale!r}."
            )
        if scale.shape not in ((), mean.shape[2:]) or not np.isfinite(scale).all():
            raise ValueError(
                "`input_scale` must be finite, one number or one for each of "
                f"{mean.shape[2]} channels. "
                f"Received: input_scale={self.input_scale!r}."
            )
        object.__setattr__(self, "input_scale", _plain(scale))
        if self.min_crop_area is not None and mean.shape[0] != mean.shape[1]:
            raise ValueError(
                "`min_crop_area` must be None for images that are not square. "
                f"Received: min_crop_area={self.min_crop_area!r}."
            )
        if self.channel_order not in CHANNEL_ORDERS:
            raise ValueError(
                f"`channel_order` must be one of {', '.join(CHANNEL_ORDERS)}. "
                f"Received: channel_order={self.channel_order!r}."
            )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the image of which the crop is a part."""
        height, width, channels = np.shape(self.mean_image)
        return height, width, channels

    @property
    def image_size(self) -> int:
        """Longer side of that image in pixels; the side, if it is square."""
        return max(self.image_shape[:2])

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the network's input."""
        return (*crops.size_pair(self.crop_size), self.image_shape[2])

    def square(self, image) -> np.ndarray:
        """Reads an image (array, path, bytes, Pillow) at its size, as RGB.

        Returns uint8 array (height, width, 3), a square if the mean image is one.
        """
        picture = images.read_image(image, self.image_size)
        return images.centre_fit(picture, self.image_shape[:2])

    def channels(self, square: np.ndarray) -> np.ndarray:
        """Puts an RGB image into the network's channels.

        uint8 (height, width, 3) -> uint8 (height, width, channels).
        """
        if self.image_shape[2] == 1:
            return np.asarray(Image.fromarray(square).convert("L"))[..., None]
        return square if self.channel_order == "rgb" else square[..., ::-1]

    def to_rgb(self, values: np.ndarray) -> np.ndarray:
        """Puts arrays in the network's channels into those of a colour picture.

        (..., channels) -> (..., 3): of one channel three equal ones are made.
        """
        if values.shape[-1] == 1:
            return np.broadcast_to(values, (*values.shape[:-1], 3))
        return values if self.channel_order == "rgb" else values[..., ::-1]

    def normalized(self, pixels: np.ndarray) -> np.ndarray:
        """Subtracts the mean image and scales: (height, width, channels) -> float32."""
        difference = np.subtract(pixels, self.mean_image, dtype=np.float32)
        if self.input_scale != 1:
            difference *= np.asarray(self.input_scale, np.float32)
        return difference

    def centred(self, square: np.ndarray) -> np.ndarray:
        """Prepares a whole RGB image: uint8 (height, width, 3) -> float32."""
        return self.normalized(self.channels(square))

    def training_window(self, seed: Sequence[int]) -> tuple[float, ...]:
        """Draws the part of an image that a training crop shows.

        Args:
            seed: whole numbers that alone decide it.

        Returns:
            (top, left, bottom, right, flip, reduction): the borders in pixels of the
            image; 1 for a crop that is mirrored left to right, as half of them are,
            else 0; and how many times smaller the image shall have been, at least 1.
        """
        reduction = 1.0
        if self.max_reduction is not None:
            reduction = self.max_reduction ** np.random.default_rng([*seed, 1]).random()
        if self.min_crop_area is None:
            whole, size = np.asarray(self.mean_image), self.crop_size
            top, left, flip = crops.random_place(whole, size, seed)
            height, width = crops.size_pair(size)
            return top, left, top + height, left + width, flip, reduction
        random = np.random.default_rng(list(seed))
        side, area = self.image_size, self.min_crop_area
        x, y, right, bottom = crops.random_box(side, area, random)
        return y, x, bottom, right, random.integers(2) == 0, reduction

    def centre_crop(self, square: np.ndarray) -> np.ndarray:
        """Cuts the centre crop: uint8 image -> float32 array of `input_shape`."""
        return crops.centre_crop(self.centred(square), self.crop_size)

    def ten_crop(self, square: np.ndarray) -> np.ndarray:
        """Cuts corners, centre and their mirror images: ten crops."""
        return crops.ten_crop(self.centred(square), self.crop_size)

    def as_layer(self):
        """Makes a Keras model that does the same to batches of RGB images.

        It stands in front of a network, or in `tf.data.Dataset.map`. Images that have
        the mean image's size are prepared to the bit as `centre_crop` does. Others are
        resized by Keras, which does not round to whole grey levels, and cuts before it
        resizes: results differ by up to one grey level, by more at the edges of the
        cut. Grey is made of the same weights, not rounded either.

        Returns:
            A `keras.Model` of Keras's own layers from (batch, height, width, 3), range
            0-255, any size, to float32 (batch, height, width, channels).

        Example:
            >>> layer = preprocessing.as_layer()  # doctest: +SKIP
            >>> network = keras.Sequential([layer, model])  # doctest: +SKIP
        """
        from zfkeras.data.in_graph.preprocessing_layer import make_layer

        return make_layer(self)

    def view(self, square: np.ndarray) -> np.ndarray:
        """Cuts what the network sees of an image: uint8 (height, width, channels)."""
        return crops.centre_crop(square, self.crop_size)


def _checked_size(size) -> int | tuple[int, int]:
    """Returns a side or (height, width) as Python's whole numbers."""
    if np.ndim(size) == 0:
        return operator.index(size)
    if len(size) != 2:
        raise ValueError(
            "`crop_size` must be a side or (height, width). "
            f"Received: crop_size={size!r}."
        )
    height, width = map(operator.index, size)
    return height if height == width else (height, width)


def _whole_mean(mean, size) -> np.ndarray:
    """Returns the mean image; a number per channel becomes an image of that `size`."""
    shape = np.shape(mean)
    if shape in ((1,), (3,)):
        mean = np.full((*crops.size_pair(size), *shape), mean, np.float32)
    elif len(shape) != 3 or shape[2] not in (1, 3):
        raise ValueError(
            "`mean_image` must be an array (height, width, channels) of one or three "
            "channels, or as many numbers. "
            f"Received: mean_image.shape={shape}."
        )
    return mean


def _plain(scale):
    """Returns a factor, or one for each channel, as Python's numbers."""
    return tuple(scale.tolist()) if scale.ndim else scale.item()
