"""Draws Fig. 6: first-layer filters of one network or several, and their numbers."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from visualize.figures.evolution.plot import channel_images, enlarged
from visualize.figures.filters.second_layer import SecondLayer
from visualize.figures.filters.statistics import (
    BAND_EDGES,
    BANDS,
    RMS_BOUND,
    FilterStatistics,
)
from visualize.figures.marks import draw_frame
from visualize.images.contrast import to_uint8
from zfkeras.errors import UsageError
from zfkeras.plots import (
    COLOURS,
    PAPER,
    new_figure,
    show_image,
    styled,
    subplots,
    tile,
)

_DEAD_FRAME = COLOURS[1]


def filter_images(kernel: np.ndarray, *, common_scale: bool = False) -> np.ndarray:
    """Turns filters into images in which grey is zero.

    kernel: float array (height, width, 1 or 3, filters); returns uint8 array (filters,
    height, width, 3).
    """
    if kernel.shape[2] not in (1, 3):
        raise UsageError(
            argument="--model",
            received=f"{kernel.shape[2]} input channels",
            expected="a network of grey or colour images",
        )
    filters = np.moveaxis(kernel, -1, 0)
    images = to_uint8(filters, shared=common_scale, percentile=100)
    return np.broadcast_to(images, (*images.shape[:3], 3))


@styled
def draw_filters(
    labels: Sequence[str],
    kernels: Sequence[np.ndarray],
    statistics: Sequence[FilterStatistics],
    strides: Sequence[tuple[int, int]],
    silent: Sequence[np.ndarray | None],
) -> Figure:
    """Draws sheets of filters, by own and by common scale, above their numbers.

    kernels: float arrays (height, width, 1 or 3, filters); silent: bool arrays
    (filters,).
    """
    count = len(labels)
    down, across = (1, 2) if count == 1 else (2, count)
    sheet = 3.6 if across < 4 else 3.0
    heights = [down * (sheet + 0.6), 3.0]
    title = "First-layer filters"
    figure = new_figure(max(9.0, across * sheet), sum(heights), title)
    above, below = figure.subfigures(2, 1, height_ratios=heights)
    above.get_layout_engine().set(wspace=0.06)
    axes = subplots(above, down, across).reshape(2, count)
    for column, (kernel, measured) in enumerate(zip(kernels, statistics, strict=True)):
        height, width, _, filters = kernel.shape
        step = "x".join(str(s) for s in dict.fromkeys(strides[column]))
        head = f"{labels[column]}: {filters} of {height}x{width}, stride {step}"
        dead = measured.dead
        if silent[column] is not None:
            dead = dead | silent[column]
        own, common = axes[:, column]
        _sheet(own, filter_images(kernel), dead, f"{head}\neach by its own scale")
        numbers = f"largest RMS {measured.dominance:.2f} of median, {dead.sum()} dead"
        images = filter_images(kernel, common_scale=True)
        _sheet(common, images, dead, f"one scale for all\n{numbers}")
    sizes, frequencies, bands = subplots(below, 1, 3)[0]
    _draw_sizes(sizes, labels, statistics)
    _draw_frequencies(frequencies, labels, statistics)
    _draw_bands(bands, labels, statistics)
    return figure


@styled
def draw_second_layers(
    labels: Sequence[str],
    layers: Sequence[SecondLayer],
    strides: Sequence[tuple[int, int]],
    num_channels: int,
) -> Figure:
    """Draws projections of layer 2 beside the patches they come from (Fig. 6d,e)."""
    title = "Layer 2: projected strongest activations, and what is seen there"
    figure = new_figure(8.4, 4.2 * len(labels) + 0.5, title)
    figure.get_layout_engine().set(wspace=0.06)
    axes = subplots(figure, len(labels), 2)
    for (left, right), label, second, stride in zip(
        axes, labels, layers, strides, strict=True
    ):
        columns = int(np.ceil(np.sqrt(min(num_channels, len(second.channels)))))
        share = second.aliasing[stride]
        ours = theirs = ""
        if max(stride) > 1:  # a step of one pixel carries all there is
            limit = f"finer than stride {max(stride)} can carry"
            ours = f"\n{100 * share['reconstructions']:.1f} % of power {limit}"
            theirs = f"\n{100 * share['images']:.1f} %"
        shown = channel_images(second.reconstructions[:num_channels])
        seen = enlarged(second.patches[:num_channels])
        name = f"{label}, {second.layer_name}{ours}"
        show_image(left, tile(shown, columns, gap=2), name)
        show_image(right, tile(seen, columns, gap=2), f"images{theirs}")
    return figure


def _sheet(axes, images, dead, title):
    """Shows all filters of a network, with frames around those that are dead."""
    count, height, width = images.shape[:3]
    columns = int(np.ceil(np.sqrt(count)))
    show_image(axes, tile(images, columns), title)
    style = {"fill": False, "linewidth": 1.5, "color": _DEAD_FRAME}
    for number in np.flatnonzero(dead):
        row, column = divmod(number, columns)
        draw_frame(
            axes, row * (height + 1), column * (width + 1), height, width, **style
        )


def _draw_sizes(axes, labels, statistics):
    for label, measured in zip(labels, statistics, strict=True):
        rank = np.linspace(0, 100, len(measured.rms))
        axes.plot(rank, np.sort(measured.rms), label=label)
    axes.axhline(RMS_BOUND, color=PAPER, ls="--", lw=1, label="bound (sec. 3)")
    largest = max(measured.rms.max() for measured in statistics)
    axes.set_ylim(0, 1.15 * max(largest, RMS_BOUND))
    axes.set(
        title="Size",
        xlabel="filters, smallest first (%)",
        ylabel="root mean square of the weights",
    )
    axes.legend(loc="lower right")


def _draw_frequencies(axes, labels, statistics):
    bins = np.linspace(0, 0.6, 25)
    for label, measured in zip(labels, statistics, strict=True):
        alive = measured.frequency[~measured.dead]
        weights = np.full(len(alive), 100 / max(1, len(alive)))
        axes.hist(alive, bins, weights=weights, histtype="step", lw=1.5, label=label)
    for edge in BAND_EDGES:
        axes.axvline(edge, color=PAPER, linestyle=":", linewidth=1)
    axes.set(
        title="Mean frequency of each filter",
        xlabel="cycles per pixel (dotted: edges of the bands)",
        ylabel="live filters (%)",
    )


def _draw_bands(axes, labels, statistics):
    shares = [measured.mean_band_shares for measured in statistics]
    rows = [*zip(labels, shares, strict=True)]
    rows.append(("white noise", statistics[-1].noise_shares))
    width = 0.8 / len(rows)
    places = np.arange(len(BANDS))
    for number, (label, share) in enumerate(rows):
        is_noise = number == len(rows) - 1
        bars = axes.bar(
            places + (number - (len(rows) - 1) / 2) * width,
            100 * share,
            width,
            label=label,
            color=PAPER if is_noise else COLOURS[number % len(COLOURS)],
        )
        axes.bar_label(bars, fmt="%.0f", fontsize=7)
    low, high = (f"{edge:.2g}" for edge in BAND_EDGES)
    axes.set_xticks(
        places, [f"low\n< {low}", f"mid\n{low} - {high}", f"high\n> {high}"]
    )
    axes.set(title="Power by band", ylabel="mean share of a filter's power (%)")
    axes.legend(fontsize=8)
