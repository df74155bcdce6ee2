import numpy as np
import pytest

from visualize.figures.evolution.convergence import (
    changed_share,
    cosine_similarity,
    mean_similarity,
    settled_epoch,
)


def test_cosines_by_hand():
    a = np.array([[3.0, 4], [1, 0], [0, 0], [0, 0]]).reshape(4, 1, 2, 1)
    b = np.array([[4.0, 3], [-2, 0], [1, 1], [0, 0]]).reshape(4, 1, 2, 1)
    np.testing.assert_allclose(cosine_similarity(a, b), [0.96, -1, 0, np.nan])
    assert mean_similarity(a, b) == pytest.approx((0.96 - 1 + 0) / 3)


def test_channels_that_stay_silent_have_no_mean():
    silent = np.zeros((2, 3, 3, 3))
    assert np.isnan(mean_similarity(silent, silent))


def test_share_of_channels_with_another_image():
    assert changed_share(["a", "b", "c", "d"], ["a", "x", "c", "b"]) == 0.5


@pytest.mark.parametrize(
    ("similarity", "wanted"),
    [
        ([0.0, 0.6, 0.8, 1.0], 2),
        ([0.0, 0.6, 0.4, 1.0], 10),  # left again: not settled at 2
        ([-0.9, 0.4999, 0.5, 1.0], 5),
        ([0.7, 0.9, 0.8, 1.0], 1),
        ([0.0, np.nan, 0.5, 1.0], 5),
        ([0.9, 0.9, 0.9, np.nan], None),
        ([], None),
    ],
)
def test_a_layer_settles_when_it_stays_near_its_end(similarity, wanted):
    assert settled_epoch([1, 2, 5, 10], similarity) == wanted
