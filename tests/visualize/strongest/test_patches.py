import numpy as np
import pytest

from visualize.strongest.patches import boxes, cut
from zfkeras.graph.boxes import Boxes, Span

IMAGE = np.arange(1, 13).reshape(1, 3, 4, 1)


def shown(box, image=IMAGE, fill=0):
    return cut(image, np.array([box]), fill)[0, :, :, 0].tolist()


def test_boxes_by_hand():
    field = Boxes(Span(-2, 7, 4), Span(0, 5, 2))
    found = boxes(field, np.array([[0, 0], [3, 1]]))
    assert found.tolist() == [[-2, 0, 5, 5], [10, 2, 17, 7]]
    assert boxes(field, np.zeros((2, 3, 2), int)).shape == (2, 3, 4)


def test_inside_the_image_a_box_is_a_slice():
    images = np.random.default_rng(0).integers(0, 256, (5, 9, 8, 3), np.uint8)
    tops = np.array([0, 1, 2, 3, 5])
    found = cut(images, np.stack([tops, tops - 0, tops + 4, tops + 3], axis=1))
    assert found.dtype == np.uint8
    for image, top, patch in zip(images, tops, found, strict=True):
        np.testing.assert_array_equal(patch, image[top : top + 4, top : top + 3])


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((-1, -1, 1, 1), [[0, 0], [0, 1]]),
        ((2, 3, 4, 5), [[12, 0], [0, 0]]),
        ((1, -2, 3, 1), [[0, 0, 5], [0, 0, 9]]),
        ((-3, 0, -1, 2), [[0, 0], [0, 0]]),
    ],
)
def test_what_is_outside_the_image_is_filled(box, expected):
    assert shown(box) == expected


def test_a_box_larger_than_the_image_shows_the_image_and_blanks_what_is_unseen():
    assert shown((-1, -2, 3, 3)) == [[1, 2, 3, 0], [5, 6, 7, 0], [9, 10, 11, 0]]
    assert shown((1, -9, 5, 9)) == [[0] * 4, [5, 6, 7, 8], [9, 10, 11, 12]]
    assert shown((-9, 1, 9, 3)) == [[2, 3], [6, 7], [10, 11]]
