import numpy as np
import pytest

from benchmarks.checks import check_answers

OURS = np.random.default_rng(0).normal(size=(20, 3, 4))


def test_equal_answers_pass_and_so_does_one_image_in_ten():
    found = OURS * 1.0005
    check_answers("peer", found, OURS)
    found[:2] = 0
    check_answers("peer", found, OURS)


@pytest.mark.parametrize(
    "found",
    [
        OURS * 1.002,
        np.where(np.arange(20)[:, None, None] < 3, 0, OURS),
        OURS[:, :2],
        OURS.transpose(0, 2, 1),
    ],
    ids=["beyond the tolerance", "three images in twenty", "fewer", "another order"],
)
def test_other_answers_are_found(found):
    with pytest.raises(AssertionError, match="peer"):
        check_answers("peer", found, OURS)
