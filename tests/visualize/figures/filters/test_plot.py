import numpy as np
import pytest

from visualize.figures.filters.plot import draw_filters, filter_images
from visualize.figures.filters.statistics import measure_filters


def test_grey_is_zero_and_the_scale_is_own_or_common():
    kernel = np.zeros((1, 2, 1, 2))
    kernel[0, :, 0] = [[4, 1], [-2, 0]]
    own = filter_images(kernel)[:, 0, :, 0]
    assert own.tolist() == [[255, 64], [255, 128]]
    common = filter_images(kernel, common_scale=True)[:, 0, :, 0]
    assert common.tolist() == [[255, 64], [160, 128]]


@pytest.mark.parametrize("count", [1, 4])
def test_any_number_of_networks_fits_into_the_picture(count):
    random = np.random.default_rng(0)
    kernels = [random.normal(size=(5, 5, 1, 6 + i)) for i in range(count)]
    measured = [measure_filters(kernel) for kernel in kernels]
    silent = [np.arange(6 + i) == 2 for i in range(count)]
    figure = draw_filters(
        [*"abcd"][:count], kernels, measured, [(1, 2)] * count, silent
    )
    titles = [axes.get_title() for axes in figure.axes]
    assert sum("stride 1x2" in title for title in titles) == count
    # The filter that never is active has a frame in each of its network's sheets.
    frames = [len(axes.patches) for axes in figure.axes[: 2 * count]]
    assert frames == [1] * (2 * count)
