"""The training log as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from zfkeras.plots import COLOURS, new_figure, save_figure, styled, subplots


@styled
def draw_training_log(rows: Sequence[Mapping], path: Path, title: str) -> Path:
    """Draws error, loss and learning rate by epoch."""
    figure = new_figure(9, 3.6, title)
    errors, losses = subplots(figure, 1, 2)[0]
    epochs = [row["epoch"] for row in rows]
    curves = (
        ("train_top1_error", "training top-1 (crops, dropout)", COLOURS[0], "-"),
        ("validation_top1_error", "held-out top-1", COLOURS[1], "-"),
        ("validation_top5_error", "held-out top-5", COLOURS[1], "--"),
    )
    for key, label, colour, style in curves:
        known = [(row["epoch"], 100 * row[key]) for row in rows if key in row]
        # Of five classes or fewer no answer is wrong five times: a line on the axis.
        if known and ("top5" not in key or any(error for _, error in known)):
            errors.plot(*zip(*known, strict=True), style, color=colour, label=label)
    errors.set(xlabel="epoch", ylabel="error %", ylim=(0, 100))
    errors.legend()
    losses.plot(epochs, [row["train_loss"] for row in rows], color=COLOURS[0])
    losses.set(xlabel="epoch", ylabel="training loss")
    losses.set_ylim(bottom=0)
    rates = losses.twinx()
    rates.spines["right"].set_visible(True)
    rates.plot(
        epochs, [row["learning_rate"] for row in rows], ":", color=COLOURS[2], lw=1.5
    )
    rates.set_ylabel("learning rate (dotted)", color=COLOURS[2])
    rates.set_ylim(bottom=0)
    for axes in (errors, losses):
        axes.xaxis.get_major_locator().set_params(integer=True)
    return save_figure(figure, path)
