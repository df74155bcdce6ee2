"""Draws the images that two sets share, side by side, and how alike the others are."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from transfer.protocols.near_duplicates import Pair
from zfkeras.data.files import decoding as images
from zfkeras.plots import COLOURS, PAPER, new_figure, show_image, styled, subplots

_COLUMNS, _SIDE = 4, 160  # pairs in a row; pixels of the longer side of an image
_LONGEST = 30  # characters of a name that stand beside one another

Example = tuple[Pair, bytes, bytes]


@styled
def draw_overlap(
    pairs: Sequence[Example],
    below: Sequence[Example],
    best: np.ndarray,
    threshold: float,
    title: str,
) -> Figure:
    """Draws a histogram of all correlations, the pairs found and the nearest others."""
    rows = [-(-len(part) // _COLUMNS) for part in (pairs, below)]
    heights = [2.2] + [0.4 + 1.75 * count for count in rows if count]
    figure = new_figure(11, sum(heights) + 0.4, title)
    bands = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)
    _draw_histogram(bands[0, 0], best, threshold)
    titles = (
        f"alike: correlation of {threshold:g} or more; set A left, set B right",
        f"below {threshold:g}, so not counted: the nearest",
    )
    titled = zip((pairs, below), titles, strict=True)
    parts = [(part, text) for part, text in titled if part]
    for band, (part, text) in zip(bands[1:, 0], parts, strict=True):
        band.suptitle(text, fontsize=10)
        _draw_pairs(band, part)
    return figure


def _draw_histogram(band, best, threshold):
    (axes,) = subplots(band)[0]
    axes.hist(best, bins=np.linspace(0, 1, 101), color=COLOURS[0])
    axes.axvline(threshold, color=PAPER, linestyle="--")
    axes.text(threshold, 0.97, " threshold", transform=axes.get_xaxis_transform())
    axes.set_yscale("symlog", linthresh=1)
    # The scale's own labels are mathematics, which the style does not typeset.
    axes.set_yticks([0, *10 ** np.arange(6)])
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set_ylim(0, 2 * max(1, np.histogram(best, 100, (0, 1))[0].max()))
    axes.set_xlim(0, 1)
    axes.set_xlabel("highest correlation of an image of set A with any of set B")
    axes.set_ylabel("images")


def _draw_pairs(band, examples):
    rows = -(-len(examples) // _COLUMNS)
    axes = subplots(band, rows, _COLUMNS).ravel()
    for place in axes[len(examples) :]:
        place.set_visible(False)
    for place, (pair, file_a, file_b) in zip(axes, examples, strict=False):
        both = _side_by_side(_small(file_a), _small(file_b))
        show_image(place, both, interpolation="antialiased")
        names = f"{_short(pair.id_a)}\n{_short(pair.id_b)}"
        place.set_title(f"{pair.correlation:.3f}  {names}", fontsize=7)


def _small(file: bytes) -> np.ndarray:
    image = images.decode(file, _SIDE)
    scale = _SIDE / max(image.size)
    size = [max(1, round(side * scale)) for side in image.size]
    return np.asarray(image.resize(size))


def _side_by_side(left, right):
    sheet = np.full((_SIDE, 2 * _SIDE + 4, 3), 255, np.uint8)
    for image, column in ((left, 0), (right, _SIDE + 4)):
        top = (_SIDE - image.shape[0]) // 2
        first = column + (_SIDE - image.shape[1]) // 2
        sheet[top : top + image.shape[0], first : first + image.shape[1]] = image
    return sheet


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"...{name[3 - _LONGEST :]}"
