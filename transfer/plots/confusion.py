"""Which classes are taken for which."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from zfkeras.plots import new_figure, styled, subplots

# Classes up to which names, and up to which counts, can be read.
_NAMED, _COUNTED = 120, 25
_LONGEST = 24


@styled
def draw_confusion(
    confusion: np.ndarray, class_names: Sequence[str], title: str
) -> Figure:
    """Draws a confusion matrix, each row as shares of its class's images.

    Shapes: `confusion` int (n_classes, n_classes).
    """
    confusion = np.asarray(confusion)
    number = len(class_names)
    counts = confusion.sum(axis=1, keepdims=True)
    shares = 100 * confusion / np.maximum(counts, 1)
    size = float(np.clip(0.5 * number, 3.2, 12))
    figure = new_figure(size + 1.8, size + 1.2, title)
    axes = subplots(figure)[0, 0]
    shown = axes.imshow(shares, cmap="Blues", vmin=0, vmax=100, interpolation="nearest")
    figure.colorbar(shown, ax=axes, label="% of the class's images", shrink=0.7)
    axes.set(xlabel="answer", ylabel="true class (test images)")
    if number <= _NAMED:
        font = float(np.clip(72 * 0.8 * size / number, 3.5, 9))
        names = [_shortened(name) for name in class_names]
        axes.set_xticks(range(number), names, rotation=90, fontsize=font)
        axes.set_yticks(
            range(number),
            [f"{name} ({n})" for name, n in zip(names, counts[:, 0], strict=True)],
            fontsize=font,
        )
    if number <= _COUNTED:
        for row, column in np.argwhere(confusion):
            axes.text(
                column,
                row,
                confusion[row, column],
                ha="center",
                va="center",
                fontsize=7,
                color="white" if shares[row, column] > 60 else "black",
            )
    axes.tick_params(length=0)
    return figure


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
