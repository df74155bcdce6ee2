"""How features and probabilities change as an image is transformed (Fig. 5)."""

import dataclasses

import numpy as np

from visualize.figures.invariance.transformations import Sweep


@dataclasses.dataclass(frozen=True, eq=False)
class InvarianceCurves:
    """What one kind of transformation does to n images.

    Args:
        sweep: the transformation and its k values.
        distances: layer -> float32 array (n, k), Euclidean distance between the
            features of the transformed image and of the image as it is.
        norms: layer -> float32 array (n,), Euclidean norm of the latter.
        probabilities: float32 array (n, k), of each image's class.
        labels: int64 array (n, k), the most likely class.
    """

    sweep: Sweep
    distances: dict[int | str, np.ndarray]
    norms: dict[int | str, np.ndarray]
    probabilities: np.ndarray
    labels: np.ndarray

    def relative(self, layer: int | str) -> np.ndarray:
        """Returns (n, k) distances as shares of the norm: sqrt(2) if nothing is shared.

        Features are not negative behind a ReLU, so two unlike vectors of equal norm
        are at most sqrt(2) norms apart.
        """
        return self.distances[layer] / np.maximum(self.norms[layer], 1e-30)[:, None]

    def half_way(self, layer: int | str) -> float:
        """Returns how far from the identity the mean distance is half its maximum.

        In the unit of the sweep, interpolated; both directions averaged. Small where
        "small transformations have a dramatic effect" (sec. 4.1). NaN if all is 0.
        """
        steps, curve = self._mean_by_step(layer)
        half = curve.max() / 2
        if not half > 0:
            return float("nan")
        after = max(1, int(np.argmax(curve >= half)))
        return float(
            np.interp(half, curve[after - 1 : after + 1], steps[after - 1 :][:2])
        )

    def linearity(self, layer: int | str) -> float:
        """Returns R squared of a line through 0 to the mean distance, over its steps.

        1 for what grows in proportion; NaN if all is 0, and for what repeats, such as
        turns, which nothing can answer in proportion.
        """
        steps, curve = self._mean_by_step(layer)
        if not np.any(curve) or self.sweep.period is not None:
            return float("nan")
        rest = curve - steps * (steps @ curve) / (steps @ steps)
        return float(1 - np.sum(rest**2) / np.sum((curve - curve.mean()) ** 2))

    def start(self) -> np.ndarray:
        """Returns (n,) probabilities of the class in the images as they are."""
        return self.probabilities[:, self._identity]

    def kept(self) -> np.ndarray:
        """Returns (n,) shares of copies with the label of the image as it is."""
        return np.mean(self.labels == self.labels[:, [self._identity]], axis=1)

    def same_label(self) -> float:
        """Averages `kept` over all images."""
        return float(self.kept().mean())

    @property
    def _identity(self):
        return int(np.argmin(self.sweep.away))

    def _mean_by_step(self, layer):
        """Distances from the identity, rising, and the mean over images at each."""
        steps, place = np.unique(np.round(self.sweep.away, 9), return_inverse=True)
        mean = self.relative(layer).mean(axis=0)
        return steps, np.bincount(place, mean) / np.bincount(place)
