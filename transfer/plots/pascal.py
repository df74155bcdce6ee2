"""Average precision class by class (Table 6)."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from transfer.plots.names import columns_for
from zfkeras.plots import COLOURS, PAPER, new_figure, styled, subplots

_MARKS = "osD^vPX"


@styled
def draw_pascal(
    class_names: Sequence[str],
    ours: Mapping[str, Sequence[float | None]],
    paper: Sequence[float | None],
    title: str,
) -> Figure:
    """Draws one line per class, with marks for the heads and the paper's network."""
    figure = new_figure(7, 1.4 + 0.26 * len(class_names), title)
    axes = subplots(figure)[0, 0]
    places = np.arange(len(class_names))[::-1]
    axes.hlines(places, 0, 100, color="#e5e5e5", linewidth=0.8, zorder=0)
    series = [*ours.items(), ("paper, ImageNet, VOC's test images", paper)]
    for number, (name, values) in enumerate(series):
        is_paper = number == len(ours)
        known = [value is not None for value in values]
        axes.plot(
            [100 * value for value in values if value is not None],
            places[known],
            "|" if is_paper else _MARKS[number % len(_MARKS)],
            color=PAPER if is_paper else COLOURS[number % len(COLOURS)],
            ms=10 if is_paper else 5,
            mew=2 if is_paper else 1,
            label=name,
        )
    axes.set_yticks(places, class_names)
    axes.set(xlabel="average precision %", xlim=(-1, 101))
    axes.set_ylabel("class (test images that show it)")
    labels = axes.get_legend_handles_labels()[1]
    figure.legend(loc="outside lower center", ncols=columns_for(labels))
    return figure
