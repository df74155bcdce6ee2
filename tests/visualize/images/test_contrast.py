import numpy as np
import pytest

from visualize.images.contrast import ZERO, to_uint8


def test_a_hand_computed_image():
    values = np.array([[0, 4, -4], [2, -2, 1]], np.float32).reshape(1, 1, 2, 3)
    shown = to_uint8(values, percentile=100)
    assert shown.dtype == np.uint8
    # 128 + 127 * value / 4, rounded: 191.5 and 64.5 to the even neighbour.
    assert shown.ravel().tolist() == [128, 255, 1, 192, 64, 160]


def test_each_image_uses_the_whole_range_unless_the_scale_is_shared():
    values = np.random.default_rng(0).normal(size=(2, 8, 8, 3))
    values[1] *= 0.01
    own = to_uint8(values, percentile=100).astype(int)
    assert (np.abs(own - ZERO).max(axis=(1, 2, 3)) == 127).all()
    shared = to_uint8(values, shared=True, percentile=100).astype(int)
    spans = np.abs(shared - ZERO).max(axis=(1, 2, 3))
    assert spans[0] == 127
    assert spans[1] < 5


def test_one_spike_does_not_darken_a_sparse_image():
    values = np.zeros((1, 50, 50, 3))
    values[0, :20, :20] = 1.0
    values[0, 0, 0, 0] = 1000.0
    shown = to_uint8(values)
    assert shown[0, 10, 10, 0] == 255
    assert shown[0, 40, 40, 0] == ZERO


def test_one_image_is_shown_as_among_several():
    values = np.random.default_rng(0).normal(size=(8, 9, 3))
    np.testing.assert_array_equal(to_uint8(values), to_uint8(values[None])[0])


@pytest.mark.parametrize("bad", [np.zeros((4, 4)), np.full((1, 2, 2, 3), np.nan)])
def test_wrong_shapes_and_nan_are_refused(bad):
    with pytest.raises(ValueError, match="values"):
        to_uint8(bad)
