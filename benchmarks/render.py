"""Pictures of the benchmarks."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.ticker import LogLocator, NullFormatter

from benchmarks.power_law import fit
from zfkeras.plots import COLOURS, PAPER, new_figure, save_figure, styled, subplots

# Panel -> what its axis is called.
_AXES = {
    "images": "images",
    "channels": "channels",
    "positions": "positions of the occluder",
    "classes": "classes",
}


@styled
def draw_growth(growth: Mapping[str, Sequence], path: Path) -> Path:
    """Draws how memory grows with images, and times with everything."""
    panels = {what: {} for what in _AXES}
    for title, costs in growth.items():
        subject, _, what = title.rpartition(", by ")
        panels[what][subject] = costs
    figure = new_figure(
        12, 6.6, "How costs grow (quarter network): start + each × size ^ slope"
    )
    memory, *times = subplots(figure, 2, 3).ravel()
    times[-1].remove()
    _draw_memory(memory, panels["images"])
    for axes, (what, lines) in zip(times, panels.items(), strict=False):
        _draw_times(axes, lines, _AXES[what])
    return save_figure(figure, path)


def _draw_memory(axes, lines):
    for colour, (subject, costs) in zip(COLOURS, lines.items(), strict=False):
        peaks = [cost.peak_memory / 2**20 for cost in costs]
        label = f"{subject} ({peaks[-1] / peaks[0] - 1:+.1%})"
        axes.plot([cost.size for cost in costs], peaks, "o-", color=colour, label=label)
    axes.set_xscale("log")
    _plain_numbers(axes.xaxis)
    axes.set_ylim(0, 1.1 * axes.get_ylim()[1])
    axes.set_title("memory")
    axes.set_xlabel("images")
    axes.set_ylabel("peak of the process, MB")
    axes.legend(loc="lower left", title="from the fewest to the most images")


def _draw_times(axes, lines, what):
    for colour, (subject, costs) in zip(COLOURS, lines.items(), strict=False):
        sizes = np.array([cost.size for cost in costs], float)
        seconds = np.array([cost.processor_seconds for cost in costs])
        law = fit(sizes, seconds)
        label = f"{subject}: slope {law.slope:.2f} beyond {_short(law.start)} s"
        axes.plot(sizes, seconds, "o", color=colour, label=label)
        between = np.geomspace(sizes[0], sizes[-1])
        axes.plot(between, law(between), "-", color=colour, lw=0.8)
    axes.set_xscale("log")
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** (0.15 + 0.1 * len(lines)))
    for axis in (axes.xaxis, axes.yaxis):
        _plain_numbers(axis)
    axes.set_title(f"time by {what}")
    axes.set_xlabel(what)
    axes.set_ylabel("processor seconds")
    axes.legend(loc="upper left")


@styled
def draw_ratios(comparisons: Sequence, path: Path) -> Path:
    """Draws how many times as much time each peer takes, and how many it must."""
    rows = [
        (comparison.what, peer, comparison.ratio(peer), comparison.targets.get(peer))
        for comparison in comparisons
        for peer in comparison.seconds
        if peer != comparison.ours
    ][::-1]
    figure = new_figure(9, 1 + 0.42 * len(rows), "How many times as much others take")
    axes = subplots(figure)[0, 0]
    places = np.arange(len(rows))
    ratios = np.array([ratio for *_, ratio, _ in rows])
    misses = [target is not None and ratio < target for *_, ratio, target in rows]
    colours = [COLOURS[1] if miss else COLOURS[0] for miss in misses]
    axes.barh(places, ratios - 1, left=1, height=0.6, color=colours)
    for place, (*_, ratio, target) in zip(places, rows, strict=True):
        axes.annotate(
            f"{ratio:.3g}",
            (max(ratio, target or 0, 1), place),
            (5, 0),
            textcoords="offset points",
            va="center",
        )
        if target is not None:
            axes.plot([target] * 2, [place - 0.4, place + 0.4], color="black", lw=1.5)
    axes.plot([], [], color="black", lw=1.5, label="at least")
    axes.plot([], [], "s", color=COLOURS[1], label="misses it")
    axes.axvline(1, color=PAPER, lw=0.8)
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.set_xlim(low, high * 1.3)
    axes.set_yticks(places, [f"{what}\n{peer}" for what, peer, *_ in rows], fontsize=7)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("the peer's time (or memory) / ours")
    axes.legend(loc="lower right")
    return save_figure(figure, path)


def _short(seconds):
    return f"{seconds:.2g}" if seconds >= 0.001 else "0"


def _plain_numbers(axis):
    """Labels a logarithmic axis 1,000: powers would need mathematics."""
    low, high = axis.get_view_interval()
    between = (1,) if high / low > 50 else (1, 2, 5)
    axis.set_major_locator(LogLocator(subs=between))
    axis.set_major_formatter(lambda value, _: f"{value:,g}")
    axis.set_minor_formatter(NullFormatter())
