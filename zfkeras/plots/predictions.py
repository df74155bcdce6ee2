"""Photographs with a network's most probable classes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zfkeras.data.wnids import without_wnid
from zfkeras.plots import COLOURS, PAPER, new_figure, save_figure, styled, subplots

_COLUMNS = 5


@styled
def draw_predictions(
    images: Sequence[np.ndarray],
    titles: Sequence[str],
    answers: Sequence[Sequence[tuple[str, float, bool]]],
    path: Path,
) -> Path:
    """Draws each photograph (height, width, 3) above bars of its best classes.

    Each answer is a list of (class name, probability, whether it is the true class).
    """
    columns = min(_COLUMNS, len(images))
    rows = -(-len(images) // columns)
    figure = new_figure(2.6 * columns, 3.7 * rows)
    ratios = {"height_ratios": [2.2, 1] * rows}
    axes = subplots(figure, 2 * rows, columns, gridspec_kw=ratios)
    for unused in axes.flat:
        unused.set_axis_off()
    for number, (image, title, answer) in enumerate(
        zip(images, titles, answers, strict=True)
    ):
        row, column = divmod(number, columns)
        picture, bars = axes[2 * row : 2 * row + 2, column]
        picture.imshow(image)
        picture.set_title(_shortened(without_wnid(title)), fontsize=8)
        _draw_bars(bars, answer)
    return save_figure(figure, path)


def _draw_bars(axes, answer):
    places = np.arange(len(answer))[::-1]
    colours = [COLOURS[2] if is_true else PAPER for _, _, is_true in answer]
    axes.barh(places, [share for _, share, _ in answer], color=colours, alpha=0.55)
    for place, (name, share, _) in zip(places, answer, strict=True):
        text = f"{100 * share:.0f} % {_shortened(without_wnid(name), 30)}"
        axes.text(0.01, place, text, va="center", fontsize=7)
    axes.set_xlim(0, 1)


def _shortened(text: str, length: int = 34) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
