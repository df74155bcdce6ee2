"""Draws Fig. 8, the masks on each image, and Table 1 beside it as points."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from visualize.figures.correspondence.sign_table import SignTable
from visualize.images.parts import RANDOM
from zfkeras.plots import (
    COLOURS,
    PAPER,
    new_figure,
    show_image,
    styled,
    subplots,
    tile,
)

_RANDOM_SHOWN = 3
_GREY = 128


@styled
def draw_correspondence(
    pictures: Sequence[np.ndarray], masks: np.ndarray, table: SignTable
) -> Figure:
    """Draws a row for each image, a column for each part and some random masks.

    masks: int array (m, n, 4).
    """
    shown = min(len(masks), len(table.parts) + _RANDOM_SHOWN)
    columns = 1 + shown
    height = 0.95 * len(pictures)
    figure = new_figure(0.95 * columns + 5.2, max(4.2, height + 0.6))
    ratios = [0.95 * columns, 5.0]
    left, right = figure.subfigures(1, 2, width_ratios=ratios)
    axes = subplots(left)[0, 0]
    cells = [
        cell
        for number, picture in enumerate(pictures)
        for cell in [picture, *(_masked(picture, m[number]) for m in masks[:shown])]
    ]
    gap = max(1, pictures[0].shape[1] // 24)
    show_image(axes, tile(cells, columns, gap=gap), interpolation="antialiased")
    width = pictures[0].shape[1]
    heads = ["original", *table.parts, *[RANDOM] * (shown - len(table.parts))]
    axes.set_xticks(np.arange(columns) * (width + gap) + width / 2, heads)
    axes.tick_params(length=0, labelsize=8, top=True, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
    legend = {}  # the paper may not tell of each layer
    for place, points in enumerate(
        subplots(right, len(table.layers), sharex=True)[:, 0]
    ):
        _draw_points(points, table, place)
        handles, labels = points.get_legend_handles_labels()
        legend |= zip(labels, handles, strict=True)
    points.set_xlabel(
        "features whose sign of change differs, relative to random places", fontsize=8
    )
    right.legend(legend.values(), legend.keys(), loc="outside lower center", fontsize=7)
    return figure


def _masked(picture, mask):
    top, left, bottom, right = mask
    masked = picture.copy()
    masked[top:bottom, left:right] = _GREY
    return masked


def _draw_points(axes, table, place):
    """Draws each row over the mean of the random one, the paper's in grey."""
    rows = table.rows
    heights = np.arange(len(rows))[::-1]
    chance, _ = table.mean_and_deviation(RANDOM, place)
    unit = chance or 1  # where random places change nothing
    trials = table.values(RANDOM, place).mean(axis=1) / unit
    axes.axvline(1, color="#bbbbbb", lw=0.7, zorder=0)
    axes.plot(
        trials,
        np.linspace(-0.4, -0.05, len(trials)),
        ".",
        color=COLOURS[5],
        markersize=3,
        label="ours, one random trial",
    )
    ours = np.array([table.mean_and_deviation(row, place) for row in rows])
    _draw_row(axes, ours / unit, heights + 0.1, "o", COLOURS[0], "ours")
    paper = table.paper[place]
    known = [row for row in rows if row in paper]
    if RANDOM in known:
        values = np.array([paper[row] for row in known]) / paper[RANDOM][0]
        at = [heights[rows.index(row)] + 0.32 for row in known]
        _draw_row(axes, values, at, "s", PAPER, "paper")
    axes.set_yticks(heights, rows)
    axes.set_ylim(-0.55, len(rows) - 0.4)
    axes.set_title(f"{table.layers[place]}; random places: {chance:.3f}", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.margins(x=0.05)


def _draw_row(axes, values, heights, marker, colour, whose):
    axes.errorbar(
        values[:, 0],
        heights,
        xerr=values[:, 1],
        fmt=marker,
        markersize=4,
        lw=1,
        color=colour,
        capsize=2,
        label=f"{whose}, mean ± deviation over pairs",
    )
