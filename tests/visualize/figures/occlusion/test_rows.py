import keras
import numpy as np
import pytest

from visualize.figures.occlusion.findings import findings
from visualize.figures.occlusion.maps import OcclusionMaps
from visualize.figures.occlusion.plot import draw_occlusion
from visualize.figures.occlusion.rows import OcclusionRow
from visualize.figures.occlusion.sliding_occluder import SlidingOccluder
from visualize.images.chosen import ChosenImage
from zfkeras.data.preprocessing import Preprocessing


def a_row(image, maps, reconstruction):
    cells = image.square[None]
    return OcclusionRow(
        image, "a", image.square, maps, "maps", reconstruction, cells, []
    )


@pytest.fixture(scope="module")
def row():
    """Makes rows of a network whose answer is how red the middle of an image is."""
    dense = keras.layers.Dense(2, activation="softmax")
    crop = keras.layers.Cropping2D(20)
    layers = [crop, keras.layers.GlobalAveragePooling2D(), dense]
    model = keras.Sequential([keras.Input((56, 56, 3)), *layers])
    dense.set_weights([np.array([[0.1, 0], [0, 0], [0, 0]]), np.array([0.0, 0])])
    preprocessing = Preprocessing(np.zeros((64, 64, 3), np.float32), crop_size=56)
    square = np.full((64, 64, 3), 100, np.uint8)
    maps = SlidingOccluder(model, crop.name).maps(
        preprocessing.centre_crop(square), patch_size=16, patch_stride=4
    )

    def row(label, mask):
        image = ChosenImage("a", square, label, 0, mask)
        return a_row(image, maps, np.zeros((56, 56, 3)))

    return row


def test_the_fall_is_held_against_the_object_where_that_is_known(row):
    mask = np.zeros((56, 56), bool)
    mask[20:36, 20:36] = True
    found = row(0, mask).on_object
    assert found["worst_square_on_object"] and found["area_under_curve"] == 1
    assert found["chance"] == 16 * 16 / 56**2
    assert found["share_on_object"] > 0.4
    assert not row(0, ~mask).on_object["worst_square_on_object"]
    assert row(1, mask).on_object is None  # a wrong answer
    assert row(0, None).on_object is None
    assert row(0, mask).lift is None  # nothing is projected
    said = findings([row(0, mask), row(0, None)])
    assert len(said) == 3 and said[-1].startswith("In 1 image ")


@pytest.mark.parametrize(
    ("activation", "lowest", "share", "said", "label"),
    [
        (40, 30, 0.75, "activation falls to 75%", "share of unoccluded"),
        (-120, -130, None, "is -120, -130 at the lowest", "sum of activations"),
        (0, 0, None, "is 0, 0 at the lowest", "sum of activations"),
    ],
)
def test_activations_that_may_be_negative_are_no_shares(
    activation, lowest, share, said, label
):
    starts, square = np.array([0, 4]), np.zeros((8, 8, 3), np.uint8)
    activations = np.array([[lowest, activation], [activation, activation]], "f")
    labels = np.zeros((2, 2), np.int64)
    sizes, before = ((4, 4), (8, 8)), (0.9, 0, float(activation))
    answers = (np.full((2, 2), 0.5, "f"), labels, activations)
    maps = OcclusionMaps(starts, starts, *sizes, 0, 7, *before, *answers)
    row = a_row(ChosenImage("a", square, 0, 0), maps, np.zeros((8, 8, 3)))
    assert row.lowest_activation == share
    assert said in findings([row])[0]
    insets = [axes.child_axes for axes in draw_occlusion([row], ["a"]).axes]
    assert insets[1][0].get_ylabel() == label
