import numpy as np
import pytest

from visualize.figures.filters.aliasing import share_beyond_grid


def waves(vertical, horizontal, size=64):
    y, x = np.mgrid[:size, :size]
    wave = np.cos(2 * np.pi * (vertical * y + horizontal * x))
    return np.repeat(wave[None, ..., None], 3, axis=-1)


@pytest.mark.parametrize(
    ("vertical", "horizontal", "stride", "wanted"),
    [
        (0, 0.375, (2, 2), 1),
        (0.375, 0, (2, 2), 1),
        (0, 0.1875, (2, 2), 0),
        (0, 0.1875, (4, 4), 1),
        (0.0625, 0.0625, (4, 4), 0),
        (0.1875, 0, (2, 4), 0),
        (0, 0.1875, (2, 4), 1),
        (0.5, 0.5, (1, 1), 0),
    ],
)
def test_a_wave_lies_on_its_side_of_half_the_sampling_frequency(
    vertical, horizontal, stride, wanted
):
    share = share_beyond_grid(waves(vertical, horizontal), stride)
    np.testing.assert_allclose(share, [wanted], atol=1e-3)


@pytest.mark.parametrize("stride", [2, 4])
def test_a_map_spread_over_a_grid_has_its_spectrum_repeated(stride):
    """Of stride^2 equal copies of the spectrum one lies inside."""
    random = np.random.default_rng(0)
    spread = np.zeros((50, 64, 64, 1))
    spread[:, ::stride, ::stride] = random.normal(
        size=(50, 64 // stride, 64 // stride, 1)
    )
    share = share_beyond_grid(spread, (stride, stride)).mean()
    # Frequencies at half the sampling frequency itself count as inside.
    assert share == pytest.approx(1 - 1 / stride**2, abs=0.06)


def test_an_image_without_contrast_has_no_share():
    images = np.stack([np.zeros((9, 9, 3)), np.full((9, 9, 3), 0.3)])
    assert np.isnan(share_beyond_grid(images, (2, 2))).all()
