"""A network as a foreign file describes it: a chain of operations with their weights.

Neutral between ONNX and Caffe. It reads no file and builds no model.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Padding:
    """How far windows reach over the edge of their input.

    Mode "explicit" leaves out what does not fill a window; "ceil" adds one window for
    it, if that starts inside the input or the padding before it; "same_upper" and
    "same_lower" fit as many windows as strides, with the odd pixel after or before.
    """

    before: tuple[int, int] = (0, 0)
    after: tuple[int, int] = (0, 0)
    mode: str = "explicit"

    def along(self, axis: int, length: int, window: int, stride: int) -> tuple:
        """Returns (pixels before, number of windows) along an axis."""
        before, after = self.before[axis], self.after[axis]
        if self.mode.startswith("same"):
            windows = -(-length // stride)
            overhang = max((windows - 1) * stride + window - length, 0)
            return (overhang + (self.mode == "same_lower")) // 2, windows
        room = length + before + after - window
        if room < 0:
            return before, 0
        if self.mode == "ceil":
            windows = -(-room // stride) + 1
            if (windows - 1) * stride >= length + before:
                windows -= 1
            return before, windows
        return before, room // stride + 1


@dataclasses.dataclass(frozen=True, eq=False)
class Convolution:
    """Kernel (height, width, channels / groups, filters), bias (filters,)."""

    where: str
    kernel: np.ndarray
    bias: np.ndarray
    strides: tuple[int, int]
    padding: Padding
    groups: int = 1


@dataclasses.dataclass(frozen=True)
class Relu:
    """A ReLU."""

    where: str


@dataclasses.dataclass(frozen=True)
class Norm:
    """Normalisation across channels, with `alpha` *not* divided by the size."""

    where: str
    size: int
    alpha: float
    beta: float
    bias: float


@dataclasses.dataclass(frozen=True)
class MaxPool:
    """A max pool."""

    where: str
    window: tuple[int, int]
    strides: tuple[int, int]
    padding: Padding


@dataclasses.dataclass(frozen=True)
class Flatten:
    """Flattens maps to a vector, channel by channel."""

    where: str


@dataclasses.dataclass(frozen=True, eq=False)
class Dense:
    """Kernel (inputs, units), bias (units,) or `None` where an addition follows."""

    where: str
    kernel: np.ndarray
    bias: np.ndarray | None


@dataclasses.dataclass(frozen=True)
class Dropout:
    """Dropout."""

    where: str
    rate: float


@dataclasses.dataclass(frozen=True)
class Softmax:
    """The softmax over the classes."""

    where: str


@dataclasses.dataclass(frozen=True, eq=False)
class Network:
    """A chain of operations, and its preprocessing; `None` where the file does not say.

    `mean` is (channels,) or (channels, height, width), in the file's order of channels.
    """

    name: str
    operations: tuple
    crop_size: int | None = None
    mean: np.ndarray | None = None
    scale: np.ndarray = dataclasses.field(
        default_factory=lambda: np.ones(3, np.float32)
    )
    image_size: int | None = None
    is_rgb: bool = False
    class_names: tuple[str, ...] | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Convention:
    """The preprocessing of a foreign network, in its own order of channels."""

    mean: np.ndarray | None
    scale: np.ndarray
    is_bgr: bool

    def planes(self, squares: np.ndarray, crop_size: int) -> np.ndarray:
        """Maps uint8 RGB (n, size, size, 3) to float32 (n, 3, crop_size, crop_size)."""
        planes = squares.astype(np.float32).transpose(0, 3, 1, 2)
        planes = planes[:, ::-1] if self.is_bgr else planes
        mean = self.mean.reshape(3, 1, 1) if self.mean.ndim == 1 else self.mean
        planes = (planes - mean) * self.scale[:, None, None]
        start = (planes.shape[2] - crop_size) // 2
        stop = start + crop_size
        return np.ascontiguousarray(planes[:, :, start:stop, start:stop], np.float32)
