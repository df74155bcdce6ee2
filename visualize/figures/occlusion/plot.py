"""Draws Fig. 7: images, occlusion maps and projections, a row for each image."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from visualize.figures.marks import draw_frame, short_class_name
from visualize.figures.occlusion.rows import OcclusionRow
from zfkeras.plots import (
    COLOURS,
    PAPER,
    new_figure,
    show_image,
    styled,
    subplots,
    tile,
)

_FRAME = 2  # pixels of the black frame around the image's own projection
_LONGEST_NAME = 26  # characters of a class
_NAMED = len(COLOURS) - 1  # labels with a colour of their own; the rest is grey


@styled
def draw_occlusion(rows: Sequence[OcclusionRow], class_names: Sequence[str]) -> Figure:
    """Draws five columns as in the paper."""
    figure = new_figure(13.5, 2.2 * len(rows) + 0.7)
    axes = subplots(figure, len(rows), 5)
    for row, places in zip(rows, axes, strict=True):
        _draw_image(places[0], row)
        _draw_activation(places[1], row)
        show_image(places[2], _cells(row.cells))
        _draw_map(
            places[3],
            row.maps.probability_map,
            f"unoccluded: {row.maps.probability:.2f}",
            "probability",
        )
        _draw_labels(places[4], row.maps, class_names)
    shown = "its projection here (framed)\nand where it is strongest"
    if rows[0].reconstruction is None:
        shown = "the image (framed)\nand others with a strong activation"
    heads = (
        "(a) image, and the square\nunder which (d) is lowest",
        f"(b) activation of one map\nof {rows[0].heading}",
        f"(c) {shown}",
        "(d) probability of the class",
        "(e) most likely class",
    )
    for place, head in zip(axes[0], heads, strict=True):
        place.set_title(f"{head}\n{place.get_title()}", fontsize=9)
    return figure


def _draw_image(axes, row):
    show_image(axes, row.picture)
    height, width = row.maps.patch_size
    lowest = np.unravel_index(row.maps.probabilities.argmin(), row.maps.labels.shape)
    top, left = row.maps.tops[lowest[0]], row.maps.lefts[lowest[1]]
    draw_frame(axes, top, left, height, width, color="#808080", linewidth=0)
    title = short_class_name(row.title, _LONGEST_NAME)
    axes.set_ylabel(f"{title}\n{row.note}".strip(), fontsize=9)


def _draw_activation(axes, row):
    """Draws the activation as a share of that of the whole image, if there is one."""
    maps, title = row.maps, f"channel {row.maps.channel}"
    if row.lowest_activation is not None:
        share = maps.activation_map / maps.activation
        _draw_map(axes, share, title, "share of unoccluded")
        return
    title += f", unoccluded: {maps.activation:.3g}"
    _draw_map(axes, maps.activation_map, title, "sum of activations")


def _draw_map(axes, values, title, label):
    """Draws a map from blue, where hiding lowers the value most, to red."""
    shown = show_image(axes, values, cmap="turbo", vmin=min(0, values.min()))
    axes.set_title(title, fontsize=8)
    beside = axes.inset_axes((1.03, 0, 0.05, 1))
    bar = axes.figure.colorbar(shown, cax=beside)
    bar.ax.tick_params(labelsize=7)
    bar.set_label(label, fontsize=7)


def _cells(cells) -> np.ndarray:
    """Tiles this image's cell in a black frame, and up to three others."""
    own, *others = cells
    frame = ((_FRAME, _FRAME), (_FRAME, _FRAME), (0, 0))
    cells = [
        np.pad(own, frame),
        *(np.pad(one, frame, constant_values=255) for one in others),
    ]
    return tile(cells, 2, gap=1)


def _draw_labels(axes, maps, class_names):
    """Draws the map of labels, a colour for each, and names the most frequent ones."""
    labels, counts = np.unique(maps.label_map, return_counts=True)
    ordered = labels[np.argsort(-counts, kind="stable")]
    named = ordered[:_NAMED]
    codes = np.full(maps.label_map.shape, len(named))
    for place, label in enumerate(named):
        codes[maps.label_map == label] = place
    colours = [*COLOURS[: len(named)], PAPER]
    show_image(
        axes, codes, cmap=ListedColormap(colours), vmin=-0.5, vmax=len(named) + 0.5
    )
    entries = [
        Patch(color=colour, label=short_class_name(class_names[label], _LONGEST_NAME))
        for colour, label in zip(colours[:-1], named, strict=True)
    ]
    if len(ordered) > _NAMED:
        entries.append(Patch(color=PAPER, label="other classes"))
    axes.legend(
        handles=entries,
        loc="upper left",
        bbox_to_anchor=(1.02, 1.0),
        fontsize=7,
        borderaxespad=0,
        handlelength=1,
    )
