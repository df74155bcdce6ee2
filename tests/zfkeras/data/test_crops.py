import numpy as np
import pytest

from zfkeras.data import crops

# Rows and columns can be read off the numbers: 10 * row + column.
FIVE = np.array([[10 * y + x for x in range(5)] for y in range(5)]).reshape(5, 5, 1)
FOUR = FIVE[:4, :4]


@pytest.mark.parametrize(
    ("image", "size", "expected"),
    [
        (FOUR, 2, [[11, 12], [21, 22]]),
        (FIVE, 3, [[11, 12, 13], [21, 22, 23], [31, 32, 33]]),
        (FIVE, 2, [[11, 12], [21, 22]]),  # the upper left of four equally central
        (FOUR, 4, FOUR[..., 0].tolist()),
        (FOUR[1:3], 2, [[11, 12], [21, 22]]),  # wide
    ],
)
def test_centre_crop_cuts_the_centre(image, size, expected):
    assert crops.centre_crop(image, size)[..., 0].tolist() == expected


def test_ten_crop_cuts_corners_centre_and_their_mirror_images():
    ten = crops.ten_crop(FIVE, 3)
    assert ten.shape == (10, 3, 3, 1)
    five = [[0, 1, 2], [2, 3, 4], [20, 21, 22], [22, 23, 24], [11, 12, 13]]
    mirrored = [row[::-1] for row in five]
    assert ten[:, 0, :, 0].tolist() == five + mirrored
    assert ten[9, ..., 0].tolist() == [[13, 12, 11], [23, 22, 21], [33, 32, 31]]


def test_a_random_place_is_uniform_over_places_and_flips():
    places = [crops.random_place(FOUR, 3, (0, i)) for i in range(1600)]
    counts = np.unique(places, axis=0, return_counts=True)[1]
    # 8 outcomes of 200 expected each, standard deviation 13: five of them either way.
    assert len(counts) == 8
    assert counts.min() > 135
    assert counts.max() < 265


@pytest.mark.parametrize(
    "cut",
    [crops.centre_crop, crops.ten_crop, lambda *a: crops.random_place(*a, seed=[0])],
)
@pytest.mark.parametrize("image", [FOUR, FIVE[:, :4], FIVE[:4], FIVE[..., 0]])
def test_an_image_smaller_than_the_crop_or_without_channels_is_an_error(cut, image):
    with pytest.raises(ValueError, match=r"`image` must be .* 5 x 5"):
        cut(image, 5)


@pytest.mark.parametrize("min_area", [0.05, 0.75, 0.95, 1.0])
def test_a_random_box_lies_inside_and_has_the_stated_area_and_shape(min_area):
    # Previously a flat box was cut off at the border and fell below its area.
    random = np.random.default_rng(2)
    boxes = np.array([crops.random_box(64, min_area, random) for _ in range(2000)])
    left, top, right, bottom = boxes.T
    assert boxes.min() >= 0 and boxes.max() <= 64
    area = (right - left) * (bottom - top) / 64**2
    aspect = (right - left) / (bottom - top)
    assert area.min() >= min_area - 1e-9 and area.max() <= 1 + 1e-9
    # A uniform distribution's mean, to five standard deviations.
    spread = (1 - min_area) / np.sqrt(12 * 2000)
    assert abs(area.mean() - (1 + min_area) / 2) <= 5 * spread + 1e-9
    assert aspect.min() >= 3 / 4 - 1e-9 and aspect.max() <= 4 / 3 + 1e-9
    if min_area < 0.75:
        assert aspect.min() < 0.78 and aspect.max() > 1.28
        assert abs(np.log(aspect).mean()) < 0.02


def test_crops_need_not_be_square():
    image = np.arange(5 * 9).reshape(5, 9, 1)
    np.testing.assert_array_equal(crops.centre_crop(image, (3, 5)), image[1:4, 2:7])
    ten = crops.ten_crop(image, (3, 5))
    assert ten.shape == (10, 3, 5, 1)
    np.testing.assert_array_equal(ten[3], image[2:, 4:])
    with pytest.raises(ValueError, match="6 x 5"):
        crops.centre_crop(image, (6, 5))
