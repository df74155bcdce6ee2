"""Draws Fig. 5: transformed images, distances of features, probability of the class."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from visualize.figures.invariance.curves import InvarianceCurves
from visualize.figures.invariance.meter import InvarianceMeter
from visualize.images.chosen import ChosenImage
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.wnids import without_wnid
from zfkeras.plots import COLOURS, new_figure, show_image, styled, subplots, tile

_SHOWN = 5  # values at which each image is shown
_GAP, _FRAME = 2, 2  # pixels between pictures, and of their coloured frames


@styled
def draw_invariance(
    meter: InvarianceMeter,
    curves: Sequence[InvarianceCurves],
    images: Sequence[ChosenImage],
    names: Sequence[str],
    headings: Mapping[int | str, str],
    preprocessing: Preprocessing,
) -> Figure:
    """Draws a row for each transformation: images, layers' curves, probability."""
    columns = 2 + len(headings)
    figure = new_figure(3.6 * columns, 3.1 * len(curves) + 0.5)
    axes = subplots(figure, len(curves), columns)
    for letter, curve, places in zip("abcdefgh", curves, axes, strict=False):
        _draw_pictures(places[0], meter, curve, images, letter, preprocessing)
        for place, (layer, heading) in zip(places[1:-1], headings.items(), strict=True):
            _draw_curves(place, curve, curve.relative(layer))
            place.set_ylabel("distance / norm", fontsize=8)
            place.set_ylim(bottom=0)
            place.set_title(heading)
        _draw_curves(places[-1], curve, curve.probabilities)
        places[-1].set_ylim(0, 1.02)
        places[-1].set_ylabel("probability", fontsize=8)
        places[-1].set_title("probability of the class")
    lines = axes[0, -1].get_lines()[: len(names)]
    figure.legend(
        lines,
        [without_wnid(name) for name in names],
        loc="outside lower center",
        ncols=min(5, len(names)),
    )
    return figure


def _draw_curves(axes, curve, values):
    for number, row in enumerate(values):
        axes.plot(curve.sweep.values, row, color=_colour(number), lw=1.2)
    axes.axvline(curve.sweep.identity, color="#bbbbbb", lw=0.7, zorder=0)
    axes.set_xlabel(f"{curve.sweep.name} ({curve.sweep.unit})", fontsize=8)
    axes.margins(x=0.01)
    axes.tick_params(labelsize=8)


def _draw_pictures(axes, meter, curve, images, letter, preprocessing):
    """Draws a row for each image, framed in its curve's colour, a column per value."""
    places = np.linspace(0, len(curve.sweep.values) - 1, _SHOWN).round().astype(int)
    values = curve.sweep.values[np.unique(places)]
    channels = [preprocessing.channels(image.square) for image in images]
    rows = [meter.pictures(image, curve.sweep, values) for image in channels]
    rows = [
        _framed(preprocessing.to_rgb(row), number) for number, row in enumerate(rows)
    ]
    cells = np.concatenate(rows)
    show_image(axes, tile(cells, len(values), gap=_GAP), interpolation="antialiased")
    width = cells.shape[2]
    ticks = np.arange(len(values)) * (width + _GAP) + width / 2
    axes.set_xticks(ticks, [f"{value:.3g}" for value in values])
    axes.tick_params(length=0, labelsize=8)
    axes.set_xlabel(f"{curve.sweep.name} ({curve.sweep.unit})", fontsize=8)
    axes.set_title(f"({letter}) {curve.sweep.name}")


def _framed(pictures, number):
    """Pictures with a frame whose thickness does not depend on their size."""
    thick = max(1, round(_FRAME * pictures.shape[1] / 56))
    colour = np.array(
        [int(_colour(number)[i : i + 2], 16) for i in (1, 3, 5)], np.uint8
    )
    shape = (len(pictures), *(side + 2 * thick for side in pictures.shape[1:3]), 3)
    framed = np.broadcast_to(colour, shape).copy()
    framed[:, thick:-thick, thick:-thick] = pictures
    return framed


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]
