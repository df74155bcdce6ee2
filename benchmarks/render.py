"""Pictures of the benchmarks."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from zfkeras.render import COLOURS, new_figure, save_figure, styled, subplots

# Panel -> what its axis is called.
_AXES = {
    "images": "images",
    "channels": "channels",
    "positions": "positions of the occluder",
    "classes": "classes",
}


@styled
def draw_growth(growth: Mapping[str, Sequence], path: Path) -> Path:
    """Draws how memory grows with images, and times with everything.

    Args:
        growth: "SUBJECT, by WHAT" -> costs with `size`, `processor_seconds` and
            `peak_memory` (bytes or `None`).
        path: of the PNG.

    Returns:
        The path.
    """
    panels = {what: {} for what in _AXES}
    for title, costs in growth.items():
        subject, _, what = title.rpartition(", by ")
        panels[what][subject] = costs
    figure = new_figure(12, 6.6, "How costs grow (quarter network)")
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
    axes.set_ylim(0, 1.45 * axes.get_ylim()[1])
    axes.set_title("memory")
    axes.set_xlabel("images")
    axes.set_ylabel("peak of the process, MB")
    axes.legend(loc="upper left", title="from the fewest to the most images")


def _draw_times(axes, lines, what):
    for colour, (subject, costs) in zip(COLOURS, lines.items(), strict=False):
        sizes = np.array([cost.size for cost in costs], float)
        seconds = np.array([cost.processor_seconds for cost in costs])
        power, offset = np.polyfit(np.log(sizes), np.log(seconds), 1)
        fitted = np.exp(offset) * sizes**power
        label = f"{subject}: slope {power:.2f}"
        axes.plot(sizes, seconds, "o", color=colour, label=label)
        axes.plot(sizes, fitted, "-", color=colour, lw=0.8)
    axes.set_xscale("log")
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** (0.15 + 0.1 * len(lines)))
    axes.set_title(f"time by {what}")
    axes.set_xlabel(what)
    axes.set_ylabel("processor seconds")
    axes.legend(loc="upper left")
