import io

import numpy as np
from PIL import Image

from tests.helpers.splits import noise
from zfkeras.data.files.plain_pixels import read_plain_pixels, to_plain_pixels


def test_other_readers_see_the_pixels():
    picture = noise(0, 5, 7)
    encoded = to_plain_pixels(picture)
    np.testing.assert_array_equal(Image.open(io.BytesIO(encoded)), picture)
    assert read_plain_pixels(encoded, (5, 7)) == picture.tobytes()


def test_files_of_another_size_or_kind_are_left_to_others():
    encoded = to_plain_pixels(noise(0, 5, 7))
    assert read_plain_pixels(encoded, (7, 5)) is None
    assert read_plain_pixels(encoded[:-1], (5, 7)) is None
    assert read_plain_pixels(b"P5" + encoded[2:], (5, 7)) is None
