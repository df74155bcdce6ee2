import numpy as np
import pytest

from benchmarks.power_law import fit

SIZES = np.array([1e3, 1e4, 1e5])


@pytest.mark.parametrize("start", [0.0, 3.0])
@pytest.mark.parametrize("slope", [0.5, 1.0, 2.0])
def test_a_law_is_found_again(start, slope):
    seconds = start + 2e-5 * SIZES**slope
    law = fit(SIZES, seconds)
    np.testing.assert_allclose(law.slope, slope, rtol=0.01)
    np.testing.assert_allclose(law(SIZES), seconds, rtol=1e-3)


def test_a_start_is_not_taken_for_a_smaller_slope():
    seconds = 14 + 1e-3 * SIZES
    plain = np.polyfit(np.log(SIZES), np.log(seconds), 1)[0]
    assert plain < 0.6
    np.testing.assert_allclose(fit(SIZES, seconds).slope, 1, rtol=0.01)


def test_noise_of_a_few_percent_moves_the_slope_by_as_much():
    sizes = 2.0 ** np.arange(1, 9)
    noise = np.random.default_rng(0).normal(1, 0.02, 8)
    law = fit(sizes, (0.2 + 0.013 * sizes) * noise)
    np.testing.assert_allclose(law.slope, 1, atol=0.08)
