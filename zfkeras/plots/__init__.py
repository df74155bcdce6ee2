"""The style of every picture, and how it is saved.

Pictures are drawn on matplotlib's `Figure`, without pyplot and its global state.
A function that draws is decorated with `@styled`, which leaves the user's own
matplotlib settings unchanged.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator

from zfkeras.io.files import written_whole
from zfkeras.io.terminal import harmless

# Okabe and Ito's palette, which colour-blind readers can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
PAPER = "#777777"  # what the paper reports, wherever it stands beside ours

_STYLE = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.grid": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": matplotlib.cycler(color=COLOURS),
    "figure.dpi": 100,
    "legend.frameon": False,
    # A name of a class or file is text, never mathematics to be typeset.
    "text.parse_math": False,
}
styled = rc_context(_STYLE)


@styled
def new_figure(
    width: float, height: float, title: str | None = None, **kwargs
) -> Figure:
    """Makes an empty figure in the project's style."""
    figure = Figure((width, height), layout="constrained", **kwargs)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


@styled
def subplots(figure: Figure, rows: int = 1, columns: int = 1, **kwargs) -> np.ndarray:
    """Divides a figure; returns its axes as an array (rows, columns)."""
    return figure.subplots(rows, columns, squeeze=False, **kwargs)


@styled
def show_image(axes: Axes, image: np.ndarray, title: str | None = None, **kwargs):
    """Shows an image (height, width[, 3]), uint8 or 0-1, without ticks or smoothing."""
    shown = axes.imshow(image, **{"interpolation": "nearest", **kwargs})
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    if title:
        axes.set_title(title)
    return shown


@styled
def save_figure(figure: Figure, path: Path, dots_per_inch: int = 150) -> Path:
    """Writes a figure as PNG, whole or not at all; returns the path."""
    _make_plain(figure)
    with written_whole(path) as file, warnings.catch_warnings():
        # A name in a script the font lacks shows boxes; nobody can act on a warning.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not supp")
        figure.savefig(file, format="png", dpi=dots_per_inch)
    return Path(path)


def _make_plain(figure):
    """Escapes in all texts what no font can show and what turns their direction."""
    for text in figure.findobj(Text):
        text.set_text(harmless(text.get_text()))
    for axis in [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]:
        if isinstance(axis.get_major_locator(), FixedLocator):  # made when it is drawn
            names = [label.get_text() for label in axis.get_ticklabels()]
            plain = [harmless(name) for name in names]
            if plain != names:
                axis.set_ticklabels(plain)


def tile(images: Sequence[np.ndarray], columns: int, gap: int = 1, fill=255):
    """Lays images (count, height, width, 3) out in rows of one image."""
    images = np.asarray(images)
    count, height, width, depth = images.shape
    rows = -(-count // columns)
    padded = np.full((rows * columns, height, width, depth), fill, images.dtype)
    padded[:count] = images
    grid = np.pad(
        padded.reshape(rows, columns, height, width, depth),
        ((0, 0), (0, 0), (0, gap), (0, gap), (0, 0)),
        constant_values=fill,
    )
    sheet = grid.transpose(0, 2, 1, 3, 4).reshape(
        rows * (height + gap), columns * (width + gap), depth
    )
    return sheet[: rows * (height + gap) - gap, : columns * (width + gap) - gap]
