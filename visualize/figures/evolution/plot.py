"""Draws Fig. 4: how features change over the epochs, and when they settle."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from visualize.figures.marks import draw_frame
from visualize.images.contrast import to_uint8
from zfkeras.plots import COLOURS, new_figure, show_image, styled, subplots, tile

_CHANGED = COLOURS[1]
_SMALLEST = 40  # pixels of a cell: reconstructions of low layers are enlarged to it


@styled
def draw_evolution(
    epochs: Sequence[int],
    sheets: Mapping[str, np.ndarray],
    channels: Mapping[str, Sequence[int]],
    images: Mapping[str, np.ndarray],
    *,
    title: str,
    similarity: Mapping[str, Sequence[float]] | None = None,
) -> Figure:
    """Draws a block for each layer: a row per channel, a column per epoch."""
    blocks = len(sheets) + (similarity is not None)
    columns = min(3, blocks)
    rows = -(-blocks // columns)
    cells = max((len(sheet) for sheet in sheets.values()), default=1)
    width = max(2.6, 0.5 * len(epochs))
    height = max(2.6, 0.5 * cells) + 0.6
    figure = new_figure(max(6.0, columns * (width + 0.5)), rows * height + 0.5, title)
    places = iter(subplots(figure, rows, columns).ravel())
    for layer, sheet in sheets.items():
        _draw_block(next(places), layer, epochs, sheet, channels[layer], images[layer])
    if similarity is not None:
        _draw_similarity(next(places), epochs, similarity)
    for axes in places:
        axes.set_axis_off()
    return figure


def channel_images(reconstructions: np.ndarray) -> np.ndarray:
    """Turns reconstructions into images, each by its own scale, small ones enlarged.

    reconstructions: float array (n, height, width, 1 or 3); returns uint8 array (n,
    times * height, times * width, 3).
    """
    shown = to_uint8(reconstructions)
    return enlarged(np.broadcast_to(shown, (*shown.shape[:3], 3)))


def enlarged(images: np.ndarray) -> np.ndarray:
    """Enlarges small images, so that gaps between them look alike.

    images: array (n, height, width, channels); returns array (n, times * height, times
    * width, channels).
    """
    times = -(-_SMALLEST // max(images.shape[1:3]))
    return images.repeat(times, axis=1).repeat(times, axis=2)


def _draw_block(axes, layer, epochs, reconstructions, channels, images):
    cells = channel_images(reconstructions.reshape(-1, *reconstructions.shape[2:]))
    height, width = cells.shape[1:3]
    show_image(axes, tile(cells, len(epochs), gap=2), layer)
    axes.set_xticks(np.arange(len(epochs)) * (width + 2) + width / 2, epochs)
    axes.set_yticks(np.arange(len(channels)) * (height + 2) + height / 2, channels)
    axes.tick_params(length=0, labelsize=7)
    axes.set_xlabel("epoch (orange: another image than before)", fontsize=8)
    axes.set_ylabel("channel", fontsize=8)
    for row, names in enumerate(images):
        for column in np.flatnonzero(names[1:] != names[:-1]) + 1:
            top, left = row * (height + 2), column * (width + 2) - 2
            draw_frame(axes, top, left, height, 2, color=_CHANGED, linewidth=0)


def _draw_similarity(axes, epochs, similarity):
    for number, (layer, values) in enumerate(similarity.items()):
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(epochs, values, "o-", markersize=3, color=colour, label=layer)
    axes.set(
        title="Nearness to the last snapshot",
        xlabel="epoch",
        ylabel="mean cosine of the reconstructions",
    )
    axes.set_xscale("log")
    axes.set_xticks(epochs, epochs)
    axes.minorticks_off()
    axes.set_ylim(top=1.03)
    axes.legend(fontsize=8)
