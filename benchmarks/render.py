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


# What the name of a peer begins with -> whose program it is.
_MAKERS = {
    "max_pool": "TensorFlow",
    "tf.nn": "TensorFlow",
    "stock Keras": "Keras",
    "Keras": "Keras",
    "PyTorch": "PyTorch",
    "captum": "captum",
    "xplique": "xplique",
    "tf-explain": "tf-explain",
    "Linear": "scikit-learn",
    "Logistic": "scikit-learn",
    "Grain": "Grain",
}
_MARKS = "osD^vP*X"


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
    """Draws how many times as long each peer takes: a line a task, a mark a peer.

    It leaves out memory, half precision and time limits: the table has them.
    """
    tasks = {}
    for comparison in comparisons:
        peers = [(_maker(peer), comparison.ratio(peer)) for peer in comparison.seconds]
        peers = [(maker, ratio) for maker, ratio in peers if maker is not None]
        if comparison.unit == "s" and "bfloat16" not in comparison.what and peers:
            tasks[comparison.what] = peers
    figure = new_figure(
        10, 1.6 + 0.3 * len(tasks), "How many times as long others take"
    )
    axes = subplots(figure)[0, 0]
    makers = [*dict.fromkeys(_MAKERS.values())]
    for number, maker in enumerate(makers):
        marks = [
            (ratio, place)
            for place, peers in enumerate(tasks.values())
            for one, ratio in peers
            if one == maker
        ]
        style = {"color": COLOURS[number % len(COLOURS)], "marker": _MARKS[number]}
        if marks:
            axes.plot(*zip(*marks, strict=True), linestyle="", label=maker, **style)
    axes.axvline(1, color=PAPER, lw=0.8)
    axes.set_xscale("log")
    axes.set_yticks(np.arange(len(tasks)), [*tasks])
    axes.set_ylim(len(tasks) - 0.5, -0.5)
    axes.grid(axis="y", color="#dddddd", lw=0.6)
    _plain_numbers(axes.xaxis)
    axes.set_xlabel("the peer's time / ours: right of 1 ours is quicker")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return save_figure(figure, path)


def _maker(peer: str) -> str | None:
    """Says whose program a peer is; `None` for ours and for bounds."""
    return next((who for word, who in _MAKERS.items() if peer.startswith(word)), None)


def _short(seconds):
    return f"{seconds:.2g}" if seconds >= 0.001 else "0"


def _plain_numbers(axis):
    """Labels a logarithmic axis 1,000: powers would need mathematics."""
    low, high = axis.get_view_interval()
    between = (1,) if high / low > 50 else (1, 2, 5)
    axis.set_major_locator(LogLocator(subs=between))
    axis.set_major_formatter(lambda value, _: f"{value:,g}")
    axis.set_minor_formatter(NullFormatter())
