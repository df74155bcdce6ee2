"""The network's answers for each place of the square in Fig. 7, and maps of them."""

import dataclasses
import functools

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class OcclusionMaps:
    """What the network answers for each place of the square.

    Args:
        tops: int32 array (rows,), first row of pixels under the square.
        lefts: int32 array (columns,), first column under it.
        patch_size: (height, width) of the square in pixels.
        image_size: (height, width) of the image.
        label: the class whose probability is mapped.
        channel: the feature map whose activation is mapped, `None` without a layer.
        probability: of `label` in the image as it is.
        predicted: most likely class of the image as it is.
        activation: of `channel` in the image as it is, summed over its positions.
            `None` without a layer.
        probabilities: float32 array (rows, columns), of `label`.
        labels: int64 array (rows, columns), the most likely class.
        activations: float32 array (rows, columns), the sum over the positions of
            `channel`. `None` without a layer.
    """

    tops: np.ndarray
    lefts: np.ndarray
    patch_size: tuple[int, int]
    image_size: tuple[int, int]
    label: int
    channel: int | None
    probability: float
    predicted: int
    activation: float | None
    probabilities: np.ndarray
    labels: np.ndarray
    activations: np.ndarray | None

    @property
    def probability_map(self) -> np.ndarray:
        """(height, width): mean probability over the squares that cover a pixel."""
        return self._averaged(self.probabilities)

    @property
    def activation_map(self) -> np.ndarray | None:
        """(height, width): mean activation over the squares that cover a pixel."""
        return None if self.activations is None else self._averaged(self.activations)

    @property
    def label_map(self) -> np.ndarray:
        """(height, width): label under the square whose centre is nearest to a pixel.

        Of two equally near the upper or left one.
        """
        nearest = [
            np.argmin(np.abs(np.arange(side)[:, None] - starts - (size - 1) / 2), 1)
            for starts, size, side in self._sides
        ]
        return self.labels[np.ix_(*nearest)]

    @property
    def _sides(self):
        starts = (self.tops, self.lefts)
        return [*zip(starts, self.patch_size, self.image_size, strict=True)]

    @functools.cached_property
    def _covering(self):
        """Which (pixel, window) pairs along each side belong together."""
        return [
            (np.arange(side)[:, None] >= starts)
            & (np.arange(side)[:, None] < starts + size)
            for starts, size, side in self._sides
        ]

    def _averaged(self, values):
        rows, columns = (covers.astype(np.float64) for covers in self._covering)
        total = rows @ values @ columns.T
        return (total / np.outer(rows.sum(1), columns.sum(1))).astype(np.float32)
