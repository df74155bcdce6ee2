"""Draws Fig. 5: how far transformed images take features and answers."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from visualize.feature_invariance import InvarianceCurves
from visualize.photographs import Photograph
from visualize.transformations import warp
from zfkeras.render import COLOURS, new_figure, show_image, styled, subplots, tile

_COPIES = 5  # of each image, from the first amount to the last
_SHOWN = 8  # images; more would not be told apart


@styled
def draw_invariance(
    crops: Sequence[np.ndarray],
    photographs: Sequence[Photograph],
    class_names: Sequence[str],
    curves: Sequence[InvarianceCurves],
    layer_titles: Sequence[str],
) -> Figure:
    """A row for each transformation: images, distances of each layer, probability.

    Args:
        crops: uint8 images (size, size, 3), as the network sees them; the first eight
            are shown.
        photographs: what is known of each.
        class_names: of the class whose probability is followed, for each.
        curves: one for each row.
        layer_titles: one for each layer.
    """
    rows, columns = len(curves), len(layer_titles) + 2
    figure = new_figure(
        3.1 * columns + 0.8,
        2.9 * rows + 1.1,
        "Distance of features under transformation",
    )
    axes = subplots(figure, rows, columns, width_ratios=[1.25] + [1] * (columns - 1))
    for row, (line, letter, one) in enumerate(
        zip(axes, "abcdefgh", curves, strict=False)
    ):
        _draw_copies(line[0], crops[:_SHOWN], one.transformation, letter)
        panels = [*one.distances, one.probabilities]
        titles = [*layer_titles, "probability of the class"]
        for place, (panel, values) in enumerate(zip(line[1:], panels, strict=True)):
            is_probability = place == len(panels) - 1
            for number, curve in enumerate(values[:_SHOWN]):
                panel.plot(
                    one.transformation.values,
                    curve,
                    color=_colour(number),
                    linestyle=_dashes(number),
                    linewidth=1.2,
                )
            panel.set_xlabel(one.transformation.axis_label)
            panel.set_ylim(0, 1.02 if is_probability else None)
            panel.set_ylabel("probability" if is_probability else "relative distance")
            if row == 0:
                panel.set_title(titles[place])
    handles = [
        figure.axes[-1].plot(
            [], [], color=_colour(number), linestyle=_dashes(number), label=label
        )[0]
        for number, label in enumerate(_labels(photographs, class_names)[:_SHOWN])
    ]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=min(3, len(handles))
    )
    return figure


def _draw_copies(axes, crops, transformation, letter):
    """Each image in a row, under some amounts from the first to the last."""
    places = np.linspace(0, len(transformation.values) - 1, _COPIES).round().astype(int)
    values = transformation.values[places]
    crops = np.stack(crops).astype(np.float32)
    matrices = transformation.matrices(values, crops.shape[1:3])
    copies = warp(
        np.repeat(crops, _COPIES, axis=0), np.tile(matrices, (len(crops), 1)), 128.0
    )
    copies = np.clip(np.rint(copies), 0, 255).astype(np.uint8)
    show_image(axes, tile(copies, _COPIES, gap=2), f"({letter}) {transformation.name}")
    width = crops.shape[2]
    axes.set_xticks(
        np.arange(_COPIES) * (width + 2) + (width - 1) / 2, [f"{v:g}" for v in values]
    )
    axes.tick_params(axis="x", length=0)


def _labels(photographs, class_names):
    return [
        name if one.is_known else f"{one.name}: taken for {name}"
        for one, name in zip(photographs, class_names, strict=True)
    ]


def _colour(number):
    return COLOURS[number % len(COLOURS)]


def _dashes(number):
    return "-" if number < len(COLOURS) else "--"
