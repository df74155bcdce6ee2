"""Images and parts for networks whose input is not square, against the square case."""

import numpy as np
from PIL import Image

from tests.helpers.splits import noise, png
from visualize.images.objects import mask_finder
from visualize.images.parts import images_with_parts, masks_on, shapes_with_parts
from visualize.images.photographs import read_photographs
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.register import open_source

SQUARE = Preprocessing((0, 0, 0), 48)
WIDE = Preprocessing((0, 0, 0), (32, 48))  # the middle rows of the square


def test_parts_of_stars_are_where_they_are_in_the_square_less_the_rows_cut_off():
    for wide, square in zip(
        shapes_with_parts(3, WIDE), shapes_with_parts(3, SQUARE), strict=True
    ):
        np.testing.assert_array_equal(wide.square, square.square[8:40])
        for part, place in wide.parts.items():
            rows = np.clip(square.parts[part][[0, 2]] - 8, 0, 32)
            np.testing.assert_array_equal(place[[0, 2]], rows)
            np.testing.assert_array_equal(place[[1, 3]], square.parts[part][[1, 3]])


def test_parts_of_photographs_are_found_in_what_is_cut_out(tmp_path):
    picture = np.zeros((90, 120, 3), np.uint8)
    picture[44:48, 60:64] = 255  # in the middle of the picture
    Image.fromarray(picture).save(tmp_path / "a.png")
    box = [60 / 120, 44 / 90, 64 / 120, 48 / 90]
    (image,) = images_with_parts({"a.png": {"dot": box}}, tmp_path, WIDE)
    top, left, bottom, right = np.rint(image.parts["dot"]).astype(int)
    assert image.square.shape == (32, 48, 3)
    y, x = np.unravel_index(image.square[..., 0].argmax(), (32, 48))
    assert top <= y <= bottom and left <= x <= right
    masks = masks_on([image], 4, (32, 48))
    assert masks[..., 2].max() <= 32 and masks[..., 3].max() <= 48


def test_the_mask_of_an_object_has_the_inputs_shape():
    source = open_source("shapes")
    wide = mask_finder(source, WIDE)("validation/00003")
    square = mask_finder(source, SQUARE)("validation/00003")
    np.testing.assert_array_equal(wide, square[8:40])


def test_the_view_of_a_photograph_shows_what_the_network_sees(tmp_path):
    file = tmp_path / "a.png"
    file.write_bytes(png(noise(0, 50, 70)))
    (photograph,) = read_photographs([file], WIDE, {})
    assert photograph.square.shape == (32, 48, 3)
    assert photograph.view.shape == (320, 480, 3)
