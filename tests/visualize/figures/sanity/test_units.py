import numpy as np

from tests.helpers.sanity_reference import units_at
from visualize.figures.sanity.units import TOP, choose_channels
from visualize.strongest.top_activations import Strongest


def test_pictures_are_cut_so_that_the_units_centres_meet():
    images = np.zeros((TOP, 8, 8, 3), np.float32)
    positions = [[place % 6, 5 - place % 6] for place in range(TOP)]
    for image, (y, x) in zip(images, positions, strict=True):
        image[y + 1, x + 1] = 1  # the centre of 3 x 3 pixels
    units = units_at(images, [0], positions, 3)
    cut, masks = units.aligned(images)
    assert cut.shape == (TOP, 3, 3, 3) and masks.all()
    np.testing.assert_array_equal(cut[:, 1, 1], 1)
    assert cut.sum() == 3 * TOP
    seen = units.is_seen()
    np.testing.assert_array_equal(seen.sum((1, 2)), 9)
    assert seen[1, 1, 4] and not seen[1, 0, 4]


def test_units_that_see_more_than_the_image_are_aligned_too():
    images = np.arange(TOP * 16, dtype=np.float32).reshape(TOP, 4, 4, 1)
    positions = np.tile([[-5, -4]], (TOP, 1))  # a field of 12 whose centre is (1, 2)
    units = units_at(images, [0], positions, 12)
    _, masks = units.aligned(images)
    (few,), (mask,) = units.aligned(images[2:3], np.array([2]))
    np.testing.assert_array_equal(mask, masks[2])
    np.testing.assert_array_equal(few[1:, :, 0], images[2, :3, :, 0])
    assert not mask[0].any() and mask[1:].all() and not few[0].any()


def test_channels_are_drawn_among_those_that_are_active_in_nine_images():
    values = np.ones((6, TOP), np.float32)
    values[[1, 4], -1] = 0
    places = np.zeros((6, TOP), np.int64)
    strongest = Strongest("conv", values, places, places, np.zeros((6, TOP, 2), int))
    assert choose_channels(strongest, 10, 0).tolist() == [0, 2, 3, 5]
    few = choose_channels(strongest, 2, 0)
    assert len(few) == 2 and {*few} < {0, 2, 3, 5}
    np.testing.assert_array_equal(few, choose_channels(strongest, 2, 0))
