"""A network as a foreign file describes it: a chain of operations with their weights.

Neutral between ONNX and Caffe. It reads no file and builds no model.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Padding:
    """How far windows reach over the edge of their input.

    Args:
        before: pixels (top, left).
        after: pixels (bottom, right).
        mode: "explicit" (default): what does not fill a window is left out; "ceil": one
            more window takes it, as long as it starts inside the input or the padding
            before it; "same_upper" or "same_lower": as many windows as strides fit in,
            with the odd pixel after or before. The last two ignore both pads.
    """

    before: tuple[int, int] = (0, 0)
    after: tuple[int, int] = (0, 0)
    mode: str = "explicit"

    def along(self, axis: int, length: int, window: int, stride: int) -> tuple:
        """The padding along an axis, and how many windows there are.

        Args:
            axis: 0 vertical, 1 horizontal.
            length: of the input in pixels.
            window: its length in pixels.
            stride: step between windows.

        Returns:
            (pixels before, windows); no window where none fits in.
        """
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
    """A convolution.

    Args:
        where: how the file calls it, for messages and for its number in our names.
        kernel: float32 array (height, width, channels / groups, filters).
        bias: float32 array (filters,).
        strides: step (vertical, horizontal).
        padding: of zeros.
        groups: parts of the channels that see only their part of the filters.
    """

    where: str
    kernel: np.ndarray
    bias: np.ndarray
    strides: tuple[int, int]
    padding: Padding
    groups: int = 1


@dataclasses.dataclass(frozen=True)
class Relu:
    """A rectification.

    Args:
        where: how the file calls it.
    """

    where: str


@dataclasses.dataclass(frozen=True)
class Norm:
    """Local response normalisation across channels, in our layer's convention.

    Args:
        where: how the file calls it.
        size: channels in the sum, odd.
        alpha: weight of the sum of squares, *not* to be divided by the size.
        beta: exponent.
        bias: the constant k.
    """

    where: str
    size: int
    alpha: float
    beta: float
    bias: float


@dataclasses.dataclass(frozen=True)
class MaxPool:
    """A max pool.

    Args:
        where: how the file calls it.
        window: (height, width) in pixels.
        strides: step (vertical, horizontal).
        padding: which never wins.
    """

    where: str
    window: tuple[int, int]
    strides: tuple[int, int]
    padding: Padding


@dataclasses.dataclass(frozen=True)
class Flatten:
    """Maps to one vector, channel by channel, as foreign files order them.

    Args:
        where: how the file calls it.
    """

    where: str


@dataclasses.dataclass(frozen=True, eq=False)
class Dense:
    """A fully connected layer.

    Args:
        where: how the file calls it, for messages and for its number in our names.
        kernel: float32 array (inputs, units).
        bias: float32 array (units,). `None`: an addition follows that brings it.
    """

    where: str
    kernel: np.ndarray
    bias: np.ndarray | None


@dataclasses.dataclass(frozen=True)
class Dropout:
    """Dropout in training; nothing in use.

    Args:
        where: how the file calls it.
        rate: share that is dropped.
    """

    where: str
    rate: float


@dataclasses.dataclass(frozen=True)
class Softmax:
    """The softmax at the end.

    Args:
        where: how the file calls it.
    """

    where: str


@dataclasses.dataclass(frozen=True, eq=False)
class Network:
    """What a foreign file holds.

    Args:
        name: what the network is called.
        operations: from the network's input to its classes.
        crop_size: side of its input in pixels. `None`: the file does not say.
        mean: float32 array (channels,) or (channels, height, width) that is subtracted
            first, in the file's order of channels. `None`: the file does not say.
        scale: float32 array (channels,), factors on the difference.
        image_size: side of the square that `crop_size` is cut from. `None`: not said.
        is_rgb: whether the file says that red comes first.
        class_names: of the classes. `None`: the file does not say.
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
    """What a foreign network is fed, by its graph or by whoever uses it.

    Args:
        mean: float32 array (3,) or (3, height, width), in the network's order. `None`:
            not known.
        scale: float32 array (3,), likewise.
        is_bgr: whether blue comes first.
    """

    mean: np.ndarray | None
    scale: np.ndarray
    is_bgr: bool

    def planes(self, squares: np.ndarray, crop_size: int) -> np.ndarray:
        """Follows the convention to the letter, apart from our own preprocessing.

        Args:
            squares: uint8 array (n, size, size, 3), RGB.
            crop_size: side of the centre crop.

        Returns:
            float32 array (n, 3, crop_size, crop_size).
        """
        planes = squares.astype(np.float32).transpose(0, 3, 1, 2)
        planes = planes[:, ::-1] if self.is_bgr else planes
        mean = self.mean.reshape(3, 1, 1) if self.mean.ndim == 1 else self.mean
        planes = (planes - mean) * self.scale[:, None, None]
        start = (planes.shape[2] - crop_size) // 2
        stop = start + crop_size
        return np.ascontiguousarray(planes[:, :, start:stop, start:stop], np.float32)
