import matplotlib
import numpy as np
import pytest
from PIL import Image

from zfkeras.plots import new_figure, save_figure, show_image, styled, subplots, tile


def test_tile_lays_out_rows_with_gaps():
    images = np.arange(1, 4, dtype=np.uint8).reshape(3, 1, 1, 1) * np.ones(
        (3, 1, 2, 3), np.uint8
    )
    sheet = tile(images, columns=2, gap=1, fill=9)
    assert sheet[..., 0].tolist() == [
        [1, 1, 9, 2, 2],
        [9, 9, 9, 9, 9],
        [3, 3, 9, 9, 9],
    ]


def test_a_name_with_dollar_signs_is_no_mathematics_and_the_users_style_stays(tmp_path):
    before = dict(matplotlib.rcParams)

    @styled
    def draw():
        figure = new_figure(2, 1, r"$\frac{broken$ name")
        axes = subplots(figure)[0, 0]
        show_image(axes, np.zeros((4, 6, 3), np.uint8), r"$\x$")
        return save_figure(figure, tmp_path / "names.png", dots_per_inch=100)

    path = draw()
    with Image.open(path) as picture:
        assert picture.size == (200, 100)
    assert dict(matplotlib.rcParams) == before


def test_a_picture_that_cannot_be_drawn_leaves_no_file(tmp_path):
    figure = new_figure(1, 1)
    show_image(subplots(figure)[0, 0], np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(ValueError):
        save_figure(figure, tmp_path / "x.png", dots_per_inch=-1)
    assert list(tmp_path.iterdir()) == []
