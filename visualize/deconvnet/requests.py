"""Checks (image, channel, position) triples and cuts them into batches."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from zfkeras.errors import UsageError

WHOLE_MAP = "all"


@dataclasses.dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of an image and an activation to project."""

    rows: np.ndarray  # int array (n_pairs,), the image of each pair
    channels: np.ndarray  # int array (n_pairs,)
    positions: np.ndarray  # int array (n_pairs, 2) of (y, x); zeros likewise

    @classmethod
    def of(cls, n_images: int, maps_shape, channel, position, image) -> "Pairs":
        """Makes the pairs of a request, or raises `UsageError`."""
        *size, n_channels = maps_shape
        rows = _numbers("image", image, n_images, "there are")
        channels = _numbers("channel", channel, n_channels, "the layer has")
        positions = _positions(position, size)
        asked = {"image": rows, "channel": channels, "position": positions}
        lengths = {
            name: len(array)
            for name, array in asked.items()
            if array is not None and len(array) != 1
        }
        if rows is None and n_images != 1:
            lengths["images"] = n_images
        if len({*lengths.values()}) > 1:
            raise UsageError(
                argument="images, channel, position and image",
                expected="single or of one length",
                received=lengths,
            )
        n = next(iter(lengths.values()), 1)
        if rows is None:
            rows = np.arange(n_images)
        if channels is None:
            channels = np.zeros(1, np.int64)
        if positions is None:
            positions = np.zeros((1, 2), np.int64)
        return cls(
            np.broadcast_to(rows, n),
            np.broadcast_to(channels, n),
            np.broadcast_to(positions, (n, 2)),
        )

    def __len__(self):
        return len(self.rows)

    @property
    def are_apart(self) -> bool:
        """Whether no two pairs share an image."""
        return len(np.unique(self.rows)) == len(self)

    def batches(self, batch_size: int) -> Iterator[np.ndarray]:
        """Yields each batch's indices of (image, unit) pairs, sorted by image."""
        order = np.argsort(self.rows, kind="stable")
        for start in range(0, len(order), batch_size):
            yield order[start : start + batch_size]

    def batch(self, images: np.ndarray, chosen: np.ndarray):
        """Arrays of some pairs, padded so that few lengths must be compiled."""
        used, rows = np.unique(self.rows[chosen], return_inverse=True)
        return (
            images[as_slice(_filled(used))],
            _filled(rows).astype(np.int32),
            _filled(self.channels[chosen]).astype(np.int32),
            _filled(self.positions[chosen]).astype(np.int32),
        )


def as_slice(numbers: np.ndarray) -> np.ndarray | slice:
    """Returns consecutive numbers as a slice, for which NumPy makes no copy."""
    first, count = int(numbers[0]), len(numbers)
    in_a_row = np.array_equal(numbers, np.arange(first, first + count))
    return slice(first, first + count) if in_a_row else numbers


def _filled(array):
    """Repeats the last row up to a length of two or three times a power of two."""
    length = len(array)
    power = 1 << max(length - 1, 0).bit_length()
    wanted = power * 3 // 4 if power >= 4 and length <= power * 3 // 4 else power
    return np.concatenate([array, np.repeat(array[-1:], wanted - length, axis=0)])


def _integers(name, value, form):
    array = np.asarray(value)
    if array.size == 0 and array.ndim:
        array = array.astype(np.int64)
    if not np.issubdtype(array.dtype, np.integer):
        raise UsageError(argument=name, expected=form, received=repr(value))
    return array.astype(np.int64)


def _numbers(name, value, count, whose):
    """Reads one number or several below `count`; `None` for `None`."""
    if value is None:
        return None
    array = np.atleast_1d(_integers(name, value, "a whole number or an array of them"))
    if array.ndim != 1:
        raise UsageError(
            argument=name,
            expected="one number or an array (n_pairs,)",
            received=f"shape {array.shape}",
        )
    wrong = array[(array < 0) | (array >= count)]
    if len(wrong):
        raise UsageError(
            argument=name,
            expected=f"from 0 to {count - 1}: {whose} {count}",
            received=wrong[0],
        )
    return array


def _positions(value, size):
    """Reads one (y, x) or several as an array (n, 2); `None` if none is given."""
    if value is None or (isinstance(value, str) and value == WHOLE_MAP):
        return None
    height, width = size or (1, 1)  # a vector is a map of one place
    form = "(y, x), an array (n_pairs, 2), None or 'all'"
    array = np.atleast_2d(_integers("position", value, form))
    if array.ndim != 2 or array.shape[1] != 2:
        raise UsageError(argument="position", expected=form, received=repr(value))
    wrong = array[((array < 0) | (array >= (height, width))).any(axis=1)]
    if len(wrong):
        raise UsageError(
            argument="position",
            expected=f"a place in the layer's maps of {height}x{width}",
            received=tuple(wrong[0].tolist()),
        )
    return array
