"""Measures the first layer's filters: size, dead filters, frequency content."""

import dataclasses

import keras
import numpy as np

from zfkeras.errors import UsageError
from zfkeras.graph.layer_graph import LayerGraph
from zfkeras.records.numbers import json_number

RMS_BOUND = 0.1  # the radius of the renormalisation, sec. 3

# A filter that training has left at the paper's N(0, 0.01^2), beside ones at the bound
# of 0.1, has a tenth of their root mean square.
DEAD_SHARE = 0.2

# Cycles per pixel; the finest grating a pixel grid can hold has 0.5 along an axis.
BAND_EDGES = (1 / 6, 1 / 3)
BANDS = ("low", "mid", "high")


@dataclasses.dataclass(frozen=True, eq=False)
class FilterStatistics:
    """What is measured on a set of filters."""

    rms: np.ndarray  # float array (filters,), root mean square of each filter's weights
    dead: np.ndarray  # bool array (filters,)
    frequency: np.ndarray  # float array (filters,)
    band_shares: np.ndarray  # float array (filters, 3)
    noise_shares: np.ndarray  # float array (3,)
    neighbour_correlation: float

    @property
    def dominance(self) -> float:
        """Largest root mean square over the median; NaN if the median is zero."""
        median = np.median(self.rms)
        return float(self.rms.max() / median) if median > 0 else float("nan")

    @property
    def mean_band_shares(self) -> np.ndarray:
        """Mean of `band_shares` (3,) over the filters that are not dead."""
        alive = self.band_shares[~self.dead]
        return alive.mean(axis=0) if len(alive) else np.full(len(BANDS), np.nan)

    @property
    def leading_bands(self) -> np.ndarray:
        """Shares (3,) of the live filters by the band their mean frequency lies in."""
        alive = self.frequency[~self.dead]
        band = np.searchsorted(BAND_EDGES, alive, side="right")
        return np.bincount(band, minlength=len(BANDS)) / max(1, len(alive))

    def to_json(self) -> dict:
        """Returns a summary and the numbers of every filter, as JSON values."""
        return {
            "filters": len(self.rms),
            "rms": {
                "bound": RMS_BOUND,
                "largest": float(self.rms.max()),
                "median": float(np.median(self.rms)),
                "smallest": float(self.rms.min()),
                "at_bound": int((np.abs(self.rms / RMS_BOUND - 1) < 0.01).sum()),
                "dominance": json_number(self.dominance),
                "of_each": [json_number(value) for value in self.rms],
            },
            "dead": {
                "rule": f"root mean square at most {DEAD_SHARE:g} of the median",
                "count": int(self.dead.sum()),
                "channels": np.flatnonzero(self.dead).tolist(),
            },
            "frequency": {
                "unit": "cycles per pixel",
                "band_edges": list(BAND_EDGES),
                "mean_share_of_power": _by_band(self.mean_band_shares),
                "share_of_power_in_noise": _by_band(self.noise_shares),
                "share_of_filters": _by_band(self.leading_bands),
                "of_each": [json_number(value) for value in self.frequency],
            },
            "neighbour_correlation": json_number(self.neighbour_correlation),
        }


def measure_filters(kernel: np.ndarray) -> FilterStatistics:
    """Measures filters; spectra are padded with zeros to four times the kernel's size.

    kernel: float array (height, width, channels, filters).
    """
    kernel = np.asarray(kernel, np.float64)
    if not np.isfinite(kernel).all():
        raise ValueError("`kernel` must be finite. Received: NaN or infinity in it.")
    rms = np.sqrt(np.mean(kernel**2, axis=(0, 1, 2)))
    power, radius = _power(kernel)
    bands = np.searchsorted(BAND_EDGES, radius, side="right")
    in_band = bands == np.arange(len(BANDS))[:, None]
    total = power.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        shares = power / total
    return FilterStatistics(
        rms=rms,
        dead=rms <= DEAD_SHARE * np.median(rms),
        frequency=shares @ radius,
        band_shares=shares @ in_band.T.astype(float),
        noise_shares=in_band.mean(axis=1),
        neighbour_correlation=_neighbour_correlation(kernel),
    )


def convolutions(
    model: keras.Model,
) -> list[tuple[str, keras.layers.Conv2D]]:
    """Lists the path and layer of each `Conv2D` in order, also in nested models."""
    return [*LayerGraph(model).convolutions.items()]


def first_convolution(model: keras.Model) -> tuple[str, keras.layers.Conv2D]:
    """Returns the path and layer of the first `Conv2D`, also in nested models."""
    for path, layer in convolutions(model):
        return path, layer
    raise UsageError(
        argument="--model", received=model.name, expected="one with a Conv2D layer"
    )


def _power(kernel):
    """Returns power (filters, frequencies), and the radius of each frequency."""
    size = 4 * max(kernel.shape[:2])
    spectrum = np.fft.fft2(kernel, s=(size, size), axes=(0, 1))
    power = np.sum(np.abs(spectrum) ** 2, axis=2).reshape(-1, kernel.shape[3]).T
    axis = np.fft.fftfreq(size)
    return power, np.hypot(axis[:, None], axis).ravel()


def _neighbour_correlation(kernel) -> float:
    """Pearson's correlation of weights that are one pixel apart."""
    one = np.concatenate([kernel[:, :-1].ravel(), kernel[:-1].ravel()])
    other = np.concatenate([kernel[:, 1:].ravel(), kernel[1:].ravel()])
    if not one.size or not (one.std() and other.std()):
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])


def _by_band(shares) -> dict:
    return {band: json_number(share) for band, share in zip(BANDS, shares, strict=True)}
