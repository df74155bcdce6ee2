"""Table 3 as a picture: the change of the error for each variant, and the paper's."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from zfkeras.plots import COLOURS, PAPER, new_figure, styled, subplots


@styled
def draw_ablation(rows: Sequence[Mapping], title: str) -> Figure:
    """Draws the change of the top-1 error against the full network."""
    figure = new_figure(8, 1.2 + 0.5 * len(rows), title)
    axes = subplots(figure)[0, 0]
    places = np.arange(len(rows))[::-1]
    axes.barh(
        places + 0.19,
        [100 * row["change"] for row in rows],
        height=0.36,
        color=COLOURS[0],
        xerr=[200 * row["change_standard_error"] for row in rows],
        error_kw={"ecolor": "black", "capsize": 2, "lw": 0.8},
        label="ours (bar: 2 standard errors)",
    )
    known = [
        (place, row) for place, row in zip(places, rows, strict=True) if row["paper"]
    ]
    axes.barh(
        [place - 0.19 for place, _ in known],
        [100 * row["paper"]["change"] for _, row in known],
        height=0.36,
        color=PAPER,
        label="paper, ImageNet",
    )
    axes.axvline(0, color="black", lw=0.8)
    axes.set_yticks(places, [row["label"] for row in rows])
    axes.set_xlabel("change of validation top-1 error against the full network, points")
    axes.legend(loc="best")
    return figure
