import numpy as np
import pytest
import tensorflow as tf

from visualize.figures.invariance.transformations import (
    centre_of,
    paper_sweeps,
    rotation,
    scale,
    transform,
    translation,
)
from zfkeras.errors import UsageError


@pytest.fixture
def image():
    return np.random.default_rng(0).uniform(0, 255, (1, 7, 7, 2)).astype(np.float32)


def moved(image, make, value, size=(7, 7), fill="mean"):
    matrices = make(np.array([value]), centre_of(image.shape[1:3], size))
    found, coverage = transform(tf.constant(image), matrices, size, fill)
    return found.numpy()[0], coverage.numpy()[0, ..., 0]


@pytest.mark.parametrize("pixels", [-3, -1, 0, 2])
def test_a_shift_by_whole_pixels_moves_rows(image, pixels):
    found, coverage = moved(image, translation, pixels)
    wanted = np.zeros_like(image[0])
    for row in range(7):
        if 0 <= row - pixels < 7:
            wanted[row] = image[0, row - pixels]
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    assert coverage.sum() == 7 * (7 - abs(pixels))


def test_half_a_pixel_is_the_mean_of_two_rows(image):
    found, coverage = moved(image, translation, 0.5)
    wanted = (image[0, 1:] + image[0, :-1]) / 2
    np.testing.assert_allclose(found[1:], wanted, atol=1e-3)
    np.testing.assert_allclose(coverage[0], 0.5)


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_quarter_turn_goes_against_the_clock(image, quarters):
    found, coverage = moved(image, rotation, 90.0 * quarters)
    np.testing.assert_allclose(found, np.rot90(image[0], quarters), atol=1e-2)
    np.testing.assert_allclose(coverage, 1, atol=1e-4)


def test_a_scale_of_two_shows_every_second_pixel_of_the_middle(image):
    found, coverage = moved(image, scale, 2.0)
    np.testing.assert_allclose(found[1::2, 1::2], image[0, 2:5, 2:5], atol=1e-3)
    assert (coverage == 1).all()


def test_the_cut_is_the_centre_and_shows_what_lay_outside_before():
    image = np.arange(36, dtype=np.float32).reshape(1, 6, 6, 1)
    found, coverage = moved(image, translation, -1, size=(4, 4))
    assert found[..., 0].tolist() == image[0, 2:6, 1:5, 0].tolist()
    assert (coverage == 1).all()
    found, coverage = moved(image, translation, -2, size=(4, 4))
    assert coverage[:, 0].tolist() == [1, 1, 1, 0]


@pytest.mark.parametrize(("fill", "row"), [("edge", 0), ("mirror", 1)])
def test_what_appears_at_the_border(image, fill, row):
    found, coverage = moved(image, translation, 2, fill=fill)
    np.testing.assert_allclose(found[0], image[0, row], atol=1e-3)
    assert (coverage == 1).all()
    with pytest.raises(UsageError, match="fill"):
        moved(image, translation, 2, fill="none")


@pytest.mark.parametrize("side", [56, 224])
def test_the_ranges_are_those_of_fig_5(side):
    shifts, scales, turns = paper_sweeps(side)
    assert (shifts.values[0], shifts.values[-1]) == (-60 * side / 224, 60 * side / 224)
    assert (scales.values[0], scales.values[-1]) == (1, pytest.approx(1.8))
    assert (turns.values[0], turns.values[-1]) == (0, 350)
    for sweep in (shifts, scales, turns):
        assert sweep.identity in sweep.values
    assert turns.away.max() == 180
    assert turns.away[-1] == 10
