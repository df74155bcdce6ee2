import numpy as np
import pytest

from transfer.protocols.holdout import drawn

LABELS = np.array([0] * 10 + [1] * 2 + [2] + [3] * 5)


@pytest.mark.parametrize(
    ("fraction", "counts"),
    [(0.2, [2, 1, 0, 1]), (0, [0, 0, 0, 0]), (1, [9, 1, 0, 4]), (0.5, [5, 1, 0, 2])],
)
def test_a_share_of_each_class_is_drawn_and_one_image_stays(fraction, counts):
    out = drawn(LABELS[::-1], fraction, seed=1)
    assert np.bincount(LABELS[::-1], weights=out).tolist() == counts


def test_the_seed_alone_decides():
    first, again, other = (drawn(LABELS, 0.4, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
