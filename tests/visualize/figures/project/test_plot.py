import numpy as np
import pytest
from matplotlib.patches import Rectangle

from visualize.figures.project.photograph_projection import ProjectedPhotograph
from visualize.figures.project.plot import draw_projections
from zfkeras.plots import save_figure

NAMES = [f"n0000000{i} class {i}" for i in range(6)]
METHODS = ("deconvnet", "guided", "gradient")


def photograph(boxes, maps, projections=None):
    """Two units of an image of 8x8 pixels."""
    random = np.random.default_rng(0)
    if projections is None:
        projections = random.normal(size=(2, 8, 8, 3)).astype(np.float32)
    return ProjectedPhotograph(
        crop=random.integers(0, 256, (8, 8, 3), np.uint8),
        probabilities=np.array([0.02, 0.5, 0.3, 0.1, 0.05, 0.03], np.float32),
        channels=np.array([4, 2]),
        positions=None if maps is None else np.array([[0, 1], [2, 3]]),
        activations=np.array([7.5, 2.25], np.float32),
        maps=maps,
        boxes=np.array(boxes),
        projections=dict.fromkeys(METHODS, projections),
    )


def draw(shown, **kwargs):
    view = np.zeros((32, 32, 3), np.uint8)
    return draw_projections(shown, view, "cat.jpg", "Units of x", NAMES, **kwargs)


def panels(figure, columns):
    """The axes of the two rows below the photograph and the classes."""
    return np.reshape(figure.axes[2 : 2 + 2 * columns], (2, columns))


def frame(axes):
    (box,) = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    return (*box.get_xy(), box.get_width(), box.get_height())


@pytest.fixture
def maps():
    return np.arange(32, dtype=np.float32).reshape(2, 4, 4) - 20


def test_a_row_shows_field_patch_map_and_projections(maps, tmp_path):
    shown = photograph([[1, 2, 5, 6], [5, 4, 9, 8]], maps)
    figure = draw(shown)
    axes = panels(figure, 6)
    titles = [one.get_title() for one in axes[0]]
    assert titles == ["receptive field", "patch", "feature map", *METHODS]
    # Edges of pixels lie half a pixel before their centres; what is past the image,
    # below row 8, is not drawn.
    assert frame(axes[0, 0]) == (1.5, 0.5, 4, 4)
    assert frame(axes[1, 0]) == (3.5, 4.5, 4, 3)
    assert frame(axes[0, 2]) == (0.5, -0.5, 1, 1)
    assert frame(axes[1, 2]) == (2.5, 1.5, 1, 1)
    patches = [one.images[0].get_array() for one in axes[:, 1]]
    np.testing.assert_array_equal(patches[0], shown.crop[1:5, 2:6])
    np.testing.assert_array_equal(patches[1], shown.crop[5:8, 4:8])
    field = axes[0, 0].images[0].get_array()
    np.testing.assert_array_equal(field[1:5, 2:6], shown.crop[1:5, 2:6])
    assert (field[5:] >= shown.crop[5:]).all()
    np.testing.assert_array_equal(axes[0, 2].images[0].get_array(), maps[0])
    labels = [one.get_ylabel() for one in axes[:, 0]]
    assert labels[0] == "channel 4\nposition (0, 1)\nactivation 7.5"
    assert labels[1] == "channel 2\nposition (2, 3)\nactivation 2.25"
    assert save_figure(figure, tmp_path / "a.png").stat().st_size > 10_000


def test_projections_are_cut_to_the_box_with_grey_as_0(maps):
    projections = np.zeros((2, 8, 8, 3), np.float32)
    projections[0, 2, 3] = (4, -4, 2)
    projections[0, 7, 7] = 100  # outside the box
    axes = panels(draw(photograph([[1, 2, 5, 6], [0, 0, 4, 4]], maps, projections)), 6)
    for place in axes[0, 3:]:
        pixels = place.images[0].get_array()
        assert pixels.shape == (4, 4, 3)
        assert pixels[1, 1].tolist() == [255, 1, 192]
        assert (np.delete(pixels.reshape(16, 3), 5, axis=0) == 128).all()
        assert not place.texts
    assert [text.get_text() for text in axes[1, 3].texts] == ["0 everywhere"]
