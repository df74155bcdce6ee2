"""Frames, names of classes and labels of rules, as several figures draw them."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from visualize.deconvnet.rule_sets import LABEL, PAPER
from zfkeras.data.wnids import without_wnid


def draw_frame(
    axes: Axes, top: float, left: float, height: float, width: float, **style
) -> None:
    """Draws a rectangle along the edges of an image's pixels."""
    # Edges lie half a pixel before the centres.
    axes.add_patch(Rectangle((left - 0.5, top - 0.5), width, height, **style))


def label_rules(figure: Figure, rules: str) -> None:
    """Says under a picture's title if it was not projected by the paper's rules."""
    if rules != PAPER:
        figure.suptitle(f"{figure.get_suptitle()}\n({LABEL})".strip(), fontsize=11)


def short_class_name(name: str, longest: int) -> str:
    """Shortens a class's name: without ImageNet's id, and at most `longest` long."""
    name = without_wnid(name)
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
