"""Draws one photograph with the projections of its strongest units, a row for each."""

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from visualize.figures.marks import draw_frame, short_class_name
from visualize.figures.project.photograph_projection import ProjectedPhotograph
from visualize.images.contrast import to_uint8
from zfkeras.io.terminal import one_line
from zfkeras.plots import COLOURS, new_figure, show_image, styled, subplots

_HEAD, _CELL, _MARGIN = 2.9, 1.5, 1.3  # inches: top part, side of a cell, labels
_LONGEST_TITLE = 80  # characters of the photograph's name
_LONGEST_NAME = 34  # characters of a class in the picture
_DIMMED = 0.35  # share of its contrast that remains outside the receptive field
_BOX = {"fill": False, "color": COLOURS[1], "linewidth": 2, "clip_on": False}
_FOOT = (
    "Projections: grey is 0 (the pixel has no part in the activation), brighter is "
    "positive,\ndarker is negative. Each projection has its own contrast."
)


@styled
def draw_projections(
    photograph: ProjectedPhotograph,
    view: np.ndarray,
    name: str,
    heading: str,
    class_names: Sequence[str],
    *,
    units_are_classes: bool = False,
) -> Figure:
    """Draws the photograph and its predicted classes above one row for each unit.

    view: uint8 array (height, width, 3).
    """
    columns = _columns(photograph)
    width = _CELL * len(columns) + _MARGIN
    height = _CELL * len(photograph.channels)
    title = one_line(name, _LONGEST_TITLE)
    figure = new_figure(width, _HEAD + height + 1, title)
    figure.get_layout_engine().set(w_pad=0.05, h_pad=0.05)
    head, body = figure.subfigures(2, 1, height_ratios=(_HEAD, height + 0.6))
    _draw_head(head, photograph, view, class_names)
    axes = subplots(body, len(photograph.channels), len(columns))
    for row, places in enumerate(axes):
        for place, (title, draw) in zip(places, columns.items(), strict=True):
            draw(place, row)
            if row == 0:
                place.set_title(title)
        label = _label(photograph, row, class_names if units_are_classes else None)
        places[0].set_ylabel(label, rotation=0, ha="right", va="center", labelpad=8)
    body.suptitle(heading, fontsize=11)
    figure.supxlabel(_FOOT, fontsize=9, color="#555555")
    return figure


def _columns(photograph) -> dict:
    """Maps the title of each column to what draws its picture of one row."""
    crop = photograph.crop
    insides = [_inside(box, crop.shape) for box in photograph.boxes]

    def draw_projection(projections):
        return lambda axes, row: _draw_projection(axes, projections[row][insides[row]])

    sees_part = min(crop[inside].size for inside in insides) < crop.size
    field = "receptive field" if sees_part else "receptive field\n(whole image)"
    columns = {field: lambda axes, row: _draw_field(axes, crop, insides[row])}
    if sees_part:
        columns["patch"] = lambda axes, row: _draw_small(axes, crop[insides[row]])
    if photograph.maps is not None and photograph.maps[0].size > 1:
        columns["feature map"] = lambda axes, row: _draw_map(
            axes, photograph.maps[row], photograph.positions[row]
        )
    for method, projections in photograph.projections.items():
        columns[method] = draw_projection(projections)
    return columns


def _inside(box, shape) -> tuple[slice, slice]:
    """Cuts a box to the image; at least a pixel remains, if all is padding."""
    height, width = shape[:2]
    top, left = np.clip(box[:2], 0, [height - 1, width - 1])
    bottom, right = np.clip(box[2:], [top + 1, left + 1], [height, width])
    return slice(top, bottom), slice(left, right)


def _draw_small(axes, image, **kwargs):
    """Shows a small image enlarged in a square, so that all titles are level."""
    shown = show_image(axes, image, **{"interpolation": "bicubic", **kwargs})
    height, width = image.shape[:2]
    margin = (max(height, width) - np.array([width, height])) / 2 + 0.5
    axes.set_xlim(-margin[0], width - 1 + margin[0])
    axes.set_ylim(height - 1 + margin[1], -margin[1])
    return shown


def _draw_head(figure, photograph, view, class_names):
    left, right = subplots(figure, 1, 2, width_ratios=(1, 1.6))[0]
    height, width = photograph.crop.shape[:2]
    title = f"photograph\n(the network sees {width}x{height} pixels)"
    show_image(left, view, title, interpolation="antialiased")
    best = photograph.top_classes
    places = np.arange(len(best))[::-1]
    shares = photograph.probabilities[best]
    right.barh(places, shares, color=COLOURS[0], alpha=0.35)
    for place, label, share in zip(places, best, shares, strict=True):
        class_name = short_class_name(class_names[label], _LONGEST_NAME)
        text = f"{100 * share:.1f} %  {class_name}"
        right.text(0.01, place, text, va="center")
    right.set_xlim(0, 1)
    right.set_yticks([])
    right.set_xlabel("probability")
    right.set_title("predicted classes")


def _draw_projection(axes, values):
    _draw_small(axes, to_uint8(values))
    if not values.any():
        axes.text(0.5, 0.5, "0 everywhere", transform=axes.transAxes, ha="center")


def _draw_field(axes, crop, inside):
    """Shows the photograph, its contrast lowered outside the receptive field."""
    shown = (255 - _DIMMED * (255 - crop.astype(np.float32))).astype(np.uint8)
    shown[inside] = crop[inside]
    _draw_small(axes, shown)
    rows, columns = inside
    height, width = rows.stop - rows.start, columns.stop - columns.start
    draw_frame(axes, rows.start, columns.start, height, width, **_BOX)


def _draw_map(axes, values, position):
    """Shows a map with its scale beside it and the unit's position framed."""
    ends = (min(0, values.min()), max(0, values.max()))
    colours = {"cmap": "viridis", "norm": Normalize(*ends)}
    shown = _draw_small(axes, values, interpolation="nearest", **colours)
    draw_frame(axes, *position, 1, 1, **_BOX)
    beside = axes.inset_axes((1.04, 0, 0.06, 1))
    bar = axes.figure.colorbar(shown, cax=beside)
    bar.set_ticks(ends, labels=[f"{end:.3g}" for end in ends], fontsize=8)
    bar.outline.set_visible(False)


def _label(photograph, row, unit_names) -> str:
    channel = photograph.channels[row]
    if unit_names is None:
        kind, lines = "activation", [f"channel {channel}"]
    else:
        class_name = short_class_name(unit_names[channel], _LONGEST_NAME)
        kind, lines = "logit", textwrap.wrap(class_name, 18)
    if photograph.positions is not None:
        y, x = photograph.positions[row]
        lines.append(f"position ({y}, {x})")
    lines.append(f"{kind} {photograph.activations[row]:.3g}")
    return "\n".join(lines)
