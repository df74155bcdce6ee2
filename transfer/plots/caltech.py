"""Accuracy by layer (Table 7) and by number of training images (Fig. 9)."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from transfer.plots.names import columns_for, short_name
from zfkeras.plots import COLOURS, PAPER, new_figure, styled, subplots

_COLOURS = {"trained": COLOURS[0], "random": COLOURS[1]}


@styled
def draw_by_layer(rows: Sequence[Mapping], title: str) -> Figure:
    """Draws bars of accuracy for each head and layer."""
    places = {(row["head"] != "svm", row["layer"]) for row in rows}
    places = _in_order(places, rows)
    groups = {
        weights: {
            (r["head"] != "svm", r["layer"]): r for r in rows if r["weights"] == weights
        }
        for weights in ("trained", "random")
    }
    groups = {name: group for name, group in groups.items() if group}
    papers = {place: row["paper"] for place, row in groups["trained"].items()}
    bars = len(groups) + any(papers.values())
    width = 0.8 / bars
    named = any(isinstance(layer, str) for _, layer in places)
    figure = new_figure(1.6 + 0.9 * len(places), 4.4 if named else 3.6, title)
    axes = subplots(figure)[0, 0]
    for number, (weights, group) in enumerate(groups.items()):
        at = np.arange(len(places)) + (number - (bars - 1) / 2) * width
        rows_here = [group[place] for place in places]
        axes.bar(
            at,
            [100 * row["mean"] for row in rows_here],
            width,
            yerr=[100 * (row["std"] or 0) for row in rows_here],
            capsize=2,
            color=_COLOURS[weights],
            label=f"{weights} weights",
        )
    known = [n for n, place in enumerate(places) if papers.get(place)]
    if known:
        at = np.array(known) + (bars - 1) / 2 * width
        values = [100 * papers[places[n]]["mean"] for n in known]
        axes.bar(at, values, width, color=PAPER, label="paper, ImageNet")
    names = [
        f"{'softmax' if soft else 'SVM'} ({short_name(layer)})"
        for soft, layer in places
    ]
    tilted = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(len(places)), names, **(tilted if named else {}))
    axes.set(ylabel="mean per-class accuracy %", ylim=(0, 100))
    axes.set_xlabel("head (layer); whiskers: standard deviation over folds")
    figure.legend(loc="outside lower center", ncols=3)  # bars may reach the top
    return figure


@styled
def draw_by_number(rows: Sequence[Mapping], title: str) -> Figure:
    """Draws accuracy against the number of training images per class, as in Fig. 9."""
    figure = new_figure(6, 4, title)
    axes = subplots(figure)[0, 0]
    lines = {(r["weights"], r["head"], r["layer"]) for r in rows}
    lines = _in_order(lines, rows)[::-1]
    for number, line in enumerate(lines):
        mine = [r for r in rows if (r["weights"], r["head"], r["layer"]) == line]
        weights, head, layer = line
        axes.errorbar(
            [row["n_train_per_class"] for row in mine],
            [100 * row["mean"] for row in mine],
            yerr=[100 * (row["std"] or 0) for row in mine],
            marker="o",
            ms=4,
            capsize=2,
            color=COLOURS[number % len(COLOURS)],
            label=head
            if layer is None
            else f"{head} on layer {short_name(layer)}, {weights} weights",
        )
    for mark, label, is_scratch in (
        ("s", "paper, ImageNet", False),
        ("^", "paper, from scratch", True),
    ):
        known = [
            (row["n_train_per_class"], 100 * row["paper"]["mean"])
            for row in rows
            if row["paper"] and (row["layer"] is None) == is_scratch
        ]
        if known:
            axes.plot(*zip(*known, strict=True), mark, color=PAPER, label=label)
    axes.set(xlabel="training images per class", ylabel="mean per-class accuracy %")
    axes.set_ylim(0, 100)
    axes.set_xlim(left=0)
    labels = axes.get_legend_handles_labels()[1]
    # Points may lie anywhere.
    figure.legend(loc="outside lower center", ncols=columns_for(labels))
    return figure


def _in_order(lines, rows) -> list[tuple]:
    """Sorts by all but the layer; then no layer, the paper's numbers, other names."""
    layers = [row["layer"] for row in rows]

    def place(line):
        *others, layer = line
        if layer is None or isinstance(layer, int):
            return (*others, layer is not None, layer or 0)
        return (*others, 2, layers.index(layer))

    return sorted(lines, key=place)
