import numpy as np
import pytest

from visualize.figures.filters.statistics import (
    BAND_EDGES,
    measure_filters,
)


def grating(frequency, angle, size=11):
    y, x = np.mgrid[:size, :size] - size // 2
    along = x * np.cos(angle) + y * np.sin(angle)
    return np.hanning(size + 2)[1:-1][:, None] * np.cos(2 * np.pi * frequency * along)


def as_kernel(*filters):
    return np.stack(filters, axis=-1)[:, :, None]


def slow_share(filter_, low, high):
    """Share of power by the definition: a sum over frequencies, one at a time."""
    size = 4 * max(filter_.shape)
    y, x = np.mgrid[: filter_.shape[0], : filter_.shape[1]]
    inside = total = 0
    for v in np.arange(-size // 2, size // 2) / size:
        for u in np.arange(-size // 2, size // 2) / size:
            wave = np.exp(-2j * np.pi * (u * x + v * y))
            power = abs((filter_ * wave).sum()) ** 2
            total += power
            inside += power * (low <= (u * u + v * v) ** 0.5 < high)
    return inside / total


def test_neighbours_correlate_in_smooth_filters_and_not_in_noise():
    def correlation(kernel):
        return measure_filters(kernel).neighbour_correlation

    by_hand = np.array([[1.0, 2.0], [3.0, 5.0]])
    # Pairs to the right (1, 2), (3, 5), then below (1, 3), (2, 5).
    one, other = np.array([1.0, 3, 1, 2]), np.array([2.0, 5, 3, 5])
    one, other = one - one.mean(), other - other.mean()
    expected = (one @ other) / np.sqrt((one @ one) * (other @ other))
    assert correlation(as_kernel(by_hand)) == pytest.approx(expected)
    noise = np.random.default_rng(0).normal(size=(7, 7, 3, 64))
    assert abs(correlation(noise)) < 0.02
    assert correlation(as_kernel(grating(0.02, 0.3))) > 0.7
    assert np.isnan(correlation(np.ones((3, 3, 3, 2))))
    assert np.isnan(correlation(np.ones((1, 1, 3, 2))))


def test_sizes_by_hand():
    kernel = np.ones((2, 2, 3, 4)) * [3, 1, 1, 0.1]
    measured = measure_filters(kernel)
    np.testing.assert_allclose(measured.rms, [3, 1, 1, 0.1])
    assert measured.dominance == 3
    assert measured.dead.tolist() == [False, False, False, True]
    nothing = measure_filters(np.zeros((3, 3, 3, 2))).to_json()
    assert nothing["dead"]["channels"] == [0, 1]
    assert nothing["rms"]["dominance"] is nothing["frequency"]["of_each"][0] is None


@pytest.mark.parametrize("angle", [0, 0.6, np.pi / 2])
@pytest.mark.parametrize(
    ("frequency", "band"), [(0.03, "low"), (0.25, "mid"), (0.42, "high")]
)
def test_a_grating_lies_in_its_band(frequency, band, angle):
    measured = measure_filters(as_kernel(grating(frequency, angle)))
    leading = dict(zip(("low", "mid", "high"), measured.leading_bands, strict=True))
    assert leading[band] == 1
    assert measured.to_json()["frequency"]["mean_share_of_power"][band] > 0.7
    if frequency > 0.1:
        assert measured.frequency[0] == pytest.approx(frequency, abs=0.04)


def test_bands_equal_a_sum_over_frequencies():
    random = np.random.default_rng(1)
    filters = random.normal(size=(2, 5, 4))
    measured = measure_filters(as_kernel(*filters))
    edges = [0, *BAND_EDGES, 1]
    for filter_, shares in zip(filters, measured.band_shares, strict=True):
        wanted = [slow_share(filter_, *edges[i : i + 2]) for i in range(3)]
        np.testing.assert_allclose(shares, wanted, rtol=1e-9)


def test_dead_filters_do_not_enter_the_means():
    random = np.random.default_rng(2)
    noise = random.normal(0, 1e-3, (11, 11))
    measured = measure_filters(as_kernel(noise, *3 * [grating(0.03, 0)]))
    np.testing.assert_allclose(measured.mean_band_shares, measured.band_shares[1])
    assert measured.leading_bands.tolist() == [1, 0, 0]
