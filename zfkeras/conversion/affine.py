"""What a foreign graph does to images before its first convolution.

Subtractions, factors and a centre crop, gathered into a mean image, factors and sizes.
"""

import numpy as np

from zfkeras.errors import UsageError


class Affine:
    """The preprocessing (image - mean) * scale and a centre crop, read from a graph."""

    def __init__(self, size: tuple[int | None, int | None]):
        self.full = self.size = size
        self.mean = None
        self.scale = np.ones(3, np.float32)

    def subtract(self, value: np.ndarray, where: str) -> None:
        """Subtracts a number, one per channel, or an image (channels first)."""
        mean = self._planes(value, where) / self.scale[:, None, None]
        self.mean = mean if self.mean is None else self.mean + mean

    def multiply(self, value: np.ndarray, where: str) -> None:
        """Multiplies by a number, or one per channel."""
        factors = self._planes(value, where)
        if factors.shape[1:] != (1, 1) or not np.isfinite(factors).all():
            raise UsageError(f"{where} must scale by a number, or one a channel")
        if not factors.all():
            raise UsageError(f"{where} must not scale by 0")
        self.scale = self.scale * factors[:, 0, 0]
        if self.mean is None:
            self.mean = np.zeros((3, 1, 1), np.float32)

    def crop(self, cuts: dict[int, tuple[int, int]], where: str) -> None:
        """Crops to the centre; `cuts` maps an axis to (start, end)."""
        sizes = []
        for axis, length in zip((2, 3), self.size, strict=True):
            start, end = cuts.pop(axis, None) or cuts.pop(axis - 4, (0, length))
            if length is None:
                raise UsageError(f"{where} cuts an image of unknown size")
            size = min(end, length) - start
            if size < 1 or start != (length - size) // 2:
                raise UsageError(f"{where} must cut out the centre")
            sizes.append(size)
        if cuts:
            raise UsageError(f"{where} must cut height and width only")
        self.size = tuple(sizes)

    def _planes(self, value, where):
        """Returns a constant as (3, height, width) or (3, 1, 1)."""
        shape = (1,) * (4 - value.ndim) + value.shape
        if (
            len(shape) != 4
            or shape[0] != 1
            or shape[1] not in (1, 3)
            or shape[2:] not in ((1, 1), self.full)
        ):
            raise UsageError(
                f"{where} must have a number, one a channel, or a whole image. "
                f"Received: shape={value.shape}"
            )
        return np.broadcast_to(value.reshape(shape)[0], (3, *shape[2:]))
