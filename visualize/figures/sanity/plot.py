"""Draws the tests of a layer: pictures of a channel, and curves, a row per method."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from visualize.deconvnet.deconvnet import METHODS
from visualize.figures.sanity.masking import FRACTIONS
from visualize.figures.sanity.measures import CHANCE, EDGES, Shown
from visualize.figures.sanity.tables import LIKENESS_TITLES
from visualize.figures.sanity.units import TOP
from visualize.figures.sanity.verdict import LayerResult, mean_and_error
from visualize.images.contrast import ZERO, to_uint8
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.plots import COLOURS, PAPER, new_figure, show_image, styled, subplots, tile

_GAP = 2  # pixels between pictures
_LINES = {EDGES: ("edge detector", COLOURS[1]), CHANCE: ("random order", PAPER)}


@styled
def draw_sanity(
    layer: LayerResult,
    own: Shown,
    twin: Shown,
    stages: Mapping[str, np.ndarray],
    preprocessing: Preprocessing,
) -> Figure:
    """Draws a channel's nine pictures, its random twin's, stages and curves.

    stages: method -> pictures of one unit while weights are replaced, float array
    (stages, height, width, channels).
    """
    rows = 1 + len(METHODS)
    figure = new_figure(11.5, 2 * rows + 0.4, layer.heading)
    axes = subplots(figure, rows, 5, width_ratios=(1, 1, 2.2, 1.1, 1.1))
    pairs = (own, "network"), (twin, "random twin")
    for place, (shown, name) in zip(axes[0], pairs, strict=False):
        units = shown.units
        _show_nine(place, units, units.pictures[units.which[:TOP]])
        place.set_title(f"{name}, channel {units.channels[0]}", fontsize=9)
    _show_edges(axes[0, 2], own)
    for method, places in zip(METHODS, axes[1:], strict=True):
        for place, (shown, _) in zip(places, pairs, strict=False):
            pictures = preprocessing.to_rgb(shown.pictures[method][:TOP])
            _show_nine(place, shown.units, to_uint8(pictures))
        places[0].set_ylabel(method, fontsize=10)
        same_unit = np.zeros(len(stages[method]), np.int64)
        pictures = to_uint8(preprocessing.to_rgb(stages[method]))
        _show_cut(places[2], own.units, pictures, same_unit, len(pictures))
        _draw_likeness(places[3], layer.likeness[method])
        _draw_pixels(places[4], layer, method)
    titles = (
        "one unit; then with weights replaced, from the top down",
        "likeness to the first picture",
        "activation, pixel by pixel",
    )
    for place, title in zip(axes[1, 2:], titles, strict=True):
        place.set_title(title, fontsize=9)
    # Legends of all rows: within the axes they would lie on the curves.
    for place, below in zip(axes[0, 3:], axes[1, 3:], strict=True):
        place.set_axis_off()
        lines = below.get_legend_handles_labels()
        place.legend(*lines, fontsize=8, loc="lower center")
    return figure


def _show_edges(axes, own):
    """Shows the edges of the first channel's images, white on black."""
    edges = own.pictures[EDGES][:TOP]
    largest = edges.max(axis=(1, 2, 3), keepdims=True)
    grey = np.rint(255 * edges / np.where(largest > 0, largest, 1)).astype(np.uint8)
    _show_cut(axes, own.units, np.repeat(grey, 3, axis=-1), np.arange(TOP), 5)
    axes.set_title("the network's images through an edge detector", fontsize=9)


def _show_nine(axes, units, images):
    """Shows the first channel's images."""
    _show_cut(axes, units, images, np.arange(TOP), 3)


def _show_cut(axes, units, images, rows, columns):
    """Cuts uint8 images so that the units' centres meet, and shows them."""
    cut, mask = units.aligned(images, rows)
    shown = np.where(mask[..., None], cut, np.uint8(ZERO))
    show_image(axes, tile(shown, columns, gap=_GAP), interpolation="antialiased")


def _draw_likeness(axes, likeness):
    """Draws rank correlations and SSIM by stage, and dotted those of other units."""
    for (name, stages), colour in zip(likeness.items(), COLOURS, strict=False):
        apart, *values = (mean_and_error(stage)[0] for stage in stages)
        axes.plot([1, *values], color=colour, lw=1.3, label=LIKENESS_TITLES[name])
        axes.axhline(apart, color=colour, lw=0.8, ls=":")
    axes.set_ylim(-0.25, 1.03)
    axes.set_xticks(range(len(stages)))
    axes.set_xlabel("stages replaced (dotted: other units)", fontsize=8)
    axes.tick_params(labelsize=8)


def _draw_pixels(axes, layer, method):
    """Draws deletion (dashed) and insertion in the order of pictures and edges."""
    lines = {method: ("pictures of the row", COLOURS[0]), **_LINES}
    for row, (name, colour) in lines.items():
        deletion, insertion = layer.own.curves[row]
        axes.plot(FRACTIONS, insertion, color=colour, lw=1.3, label=name)
        axes.plot(FRACTIONS, deletion, color=colour, lw=1.3, ls="--")
    axes.set_xlabel("share of pixels (dashed: deleted)", fontsize=8)
    axes.tick_params(labelsize=8)
