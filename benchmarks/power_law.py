"""How a cost grows: a start, and a power of the size."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.optimize import least_squares


@dataclasses.dataclass(frozen=True)
class PowerLaw:
    """Seconds = start + each * size ** slope."""

    start: float
    each: float
    slope: float

    def __call__(self, sizes) -> np.ndarray:
        """Seconds at these sizes."""
        return self.start + self.each * np.asarray(sizes, float) ** self.slope


def fit(sizes: Sequence[float], seconds: Sequence[float]) -> PowerLaw:
    """The law that comes closest to all measurements, relative to each."""
    sizes, seconds = np.asarray(sizes, float), np.asarray(seconds, float)
    most, largest = sizes.max(), seconds.max()

    def errors(law):
        start, each, slope = law
        found = start + each * (sizes / most) ** slope
        return np.log(found) - np.log(seconds / largest)

    least = seconds.min() / largest
    found = least_squares(
        errors,
        (0.5 * least, 1 - 0.5 * least, 1.0),
        bounds=([0, 1e-9, 0.05], [least + 1e-9, 2, 4]),
        xtol=1e-12,
        ftol=1e-12,
    )
    start, each, slope = found.x
    return PowerLaw(
        float(start * largest), float(each * largest / most**slope), float(slope)
    )
