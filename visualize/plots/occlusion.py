"""Draws Fig. 7: images, occlusion maps and projections, a row for each image."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from visualize.figures.occlusion.rows import OcclusionRow
from visualize.images.contrast import stretch
from zfkeras.data.wnids import without_wnid
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
_NAMED = len(COLOURS) - 1  # labels with a colour of their own; the rest is grey


@styled
def draw_occlusion(rows: Sequence[OcclusionRow], class_names: Sequence[str]) -> Figure:
    """Five columns as in the paper."""
    figure = new_figure(13.5, 2.2 * len(rows) + 0.7)
    axes = subplots(figure, len(rows), 5)
    for row, places in zip(rows, axes, strict=True):
        _draw_image(places[0], row)
        _draw_activation(places[1], row)
        show_image(places[2], _projections(row))
        _draw_map(
            places[3],
            row.maps.probability_map,
            f"unoccluded: {row.maps.probability:.2f}",
            "probability",
        )
        _draw_labels(places[4], row.maps, class_names)
    heads = (
        "(a) image, and the square\nunder which (d) is lowest",
        f"(b) activation of one map\nof {rows[0].heading}",
        "(c) its projection here (framed)\nand where it is strongest",
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
    corner = (row.maps.lefts[lowest[1]] - 0.5, row.maps.tops[lowest[0]] - 0.5)
    axes.add_patch(Rectangle(corner, width, height, color="#808080", linewidth=0))
    axes.set_ylabel(f"{_plain(row.title)}\n{row.note}".strip(), fontsize=9)


def _draw_activation(axes, row):
    """As a share of that of the image as it is, where there is such a share."""
    maps, title = row.maps, f"channel {row.maps.channel}"
    if row.lowest_activation is not None:
        share = maps.activation_map / maps.activation
        _draw_map(axes, share, title, "share of unoccluded")
        return
    title += f", unoccluded: {maps.activation:.3g}"
    _draw_map(axes, maps.activation_map, title, "sum of activations")


def _draw_map(axes, values, title, label):
    """A map from blue, where hiding lowers the value most, to red."""
    shown = show_image(axes, values, cmap="turbo", vmin=min(0, values.min()))
    axes.set_title(title, fontsize=8)
    beside = axes.inset_axes((1.03, 0, 0.05, 1))
    bar = axes.figure.colorbar(shown, cax=beside)
    bar.ax.tick_params(labelsize=7)
    bar.set_label(label, fontsize=7)


def _projections(row) -> np.ndarray:
    """This image's projection in a black frame, and up to three others, as 2 x 2."""
    cells = stretch(np.concatenate([row.reconstruction[None], row.others]))
    cells = np.pad(
        cells,
        ((0, 0), (_FRAME, _FRAME), (_FRAME, _FRAME), (0, 0)),
        constant_values=255,
    )
    inside = cells[0, _FRAME:-_FRAME, _FRAME:-_FRAME].copy()
    cells[0] = 0
    cells[0, _FRAME:-_FRAME, _FRAME:-_FRAME] = inside
    return tile(cells, 2, gap=1)


def _draw_labels(axes, maps, class_names):
    """Each label in a colour, the most frequent ones named."""
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
    names = [_plain(class_names[label]) for label in named]
    entries = [
        Patch(color=colour, label=name)
        for colour, name in zip(colours[:-1], names, strict=True)
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


def _plain(name: str) -> str:
    """A class name without ImageNet's id, and not too long."""
    name = without_wnid(name)
    return name if len(name) <= 26 else f"{name[:25]}…"
