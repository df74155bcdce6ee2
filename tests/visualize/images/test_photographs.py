import logging
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree
from visualize.images.photographs import picture_names, read_photographs
from zfkeras.data.preprocessing import Preprocessing

PREPROCESSING = Preprocessing(np.zeros((64, 64, 3), np.float32), crop_size=56)


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["a/cat.jpg", "dog.PNG"], ["cat", "dog"]),
        (["IMG_1.JPG"], ["img_1"]),
        (["cat.jpg", "cat.png"], ["cat.jpg", "cat.png"]),
        (["cat.jpg", "cat.png", "cat.jpg.png"], ["cat.jpg", "cat.png", "cat.jpg.png"]),
        (["a/cat.jpg", "b/cat.jpg"], ["a%2Fcat.jpg", "b%2Fcat.jpg"]),
        (["../$a b\n.jpg"], ["%24a%20b%0A"]),
        ([], []),
    ],
)
def test_pictures_are_named_after_photographs_and_differ(files, names):
    found = picture_names([Path(file) for file in files])
    assert found == [f"project-{name}.png" for name in names]


def test_the_view_shows_what_the_network_sees_at_a_higher_resolution(tmp_path):
    # 512 pixels are 8 x 64, and of 64 the network sees the middle 56.
    picture = noise(0, 512, 520)
    write_tree(tmp_path, {"a.png": png(picture)})
    (photograph,) = read_photographs([tmp_path / "a.png"], PREPROCESSING, {})
    assert photograph.file == tmp_path / "a.png"
    np.testing.assert_array_equal(photograph.view, picture[32:-32, 36:-36])
    square = PREPROCESSING.square(tmp_path / "a.png")
    np.testing.assert_array_equal(photograph.square, square)


def test_of_several_files_bad_ones_are_left_out_and_named(tmp_path, caplog):
    write_tree(tmp_path, {"a.png": png(noise(0, 9, 30)), "b.png": b"no image"})
    files, left_out = [tmp_path / "b.png", tmp_path / "a.png"], {}
    with caplog.at_level(logging.WARNING):
        read = [*read_photographs(files, PREPROCESSING, left_out)]
    assert [photograph.file.name for photograph in read] == ["a.png"]
    assert [*left_out] == [str(files[0])] and "b.png" in caplog.text
    assert read[0].view.shape == (448, 448, 3)
