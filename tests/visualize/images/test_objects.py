import numpy as np
import pytest

from visualize.images.objects import ObjectTally, mask_finder, said_of_objects
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.register import open_source
from zfkeras.data.sources import shapes

UPPER, LOWER = np.array([[1, 1], [0, 0]]), np.array([[0, 0], [0, 1]])


def colours(values):
    """Maps whose energies are `values`, spread over colours of both signs."""
    values = np.sqrt(np.array(values, np.float32) / 2)[..., None]
    return np.concatenate([values, -values, 0 * values], axis=-1)


def test_masks_are_those_of_what_the_network_sees():
    preprocessing = Preprocessing(np.zeros((64, 64, 3), np.float32), crop_size=56)
    found = mask_finder(open_source("shapes"), preprocessing)("validation/00007")
    _, mask, _ = shapes.render("validation", 7)
    np.testing.assert_array_equal(found, mask[4:60, 4:60])
    large = Preprocessing(np.zeros((32, 32, 3), np.float32), crop_size=32)
    found = mask_finder(open_source("shapes:256"), large)("train/00001")
    np.testing.assert_array_equal(found, shapes.render("train", 1, 32)[1])


def test_a_case_counted_by_hand():
    tally = ObjectTally({7: UPPER, 3: LOWER})
    tally.add(colours([[[3, 0], [0, 1]], [[0, 0], [0, 0]]]), [7, 7])
    tally.add(colours([[[1, 0], [0, 3]]]), np.array([3]))
    # The second is zero everywhere, and does not count.
    assert tally.summary() == {
        "num_reconstructions": 2,
        "num_images": 2,
        "share_on_object": pytest.approx((3 / 4 + 3 / 4) / 2),
        "chance": pytest.approx((1 / 2 + 1 / 4) / 2),
        "share_on_other_objects": pytest.approx((1 / 4 + 1 / 4) / 2),
    }
    said = said_of_objects(tally.summary())
    assert said.startswith("75% of the energy") and "covers 38%" in said
    assert said.endswith("25% on others' objects.")


def test_one_image_has_no_others_and_nothing_has_no_summary():
    tally = ObjectTally({0: LOWER})
    tally.add(colours([[[0, 0], [0, 0]]]), [0])
    assert tally.summary() is None
    tally.add(colours([[[1, 1], [1, 1]]]), [0])
    assert tally.summary()["share_on_object"] == tally.summary()["chance"] == 0.25
    assert tally.summary()["share_on_other_objects"] is None
    assert said_of_objects(tally.summary()).endswith("25% of the image.")
