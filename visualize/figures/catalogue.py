"""All figures, in the paper's order, and those that users add."""

from visualize.figures.correspondence.figure import CORRESPONDENCE
from visualize.figures.evolution.figure import EVOLUTION
from visualize.figures.figure import Figure
from visualize.figures.filters.figure import FILTERS
from visualize.figures.invariance.figure import INVARIANCE
from visualize.figures.occlusion.figure import OCCLUSION
from visualize.figures.sanity.figure import SANITY
from zfkeras.errors import UsageError

_BUILT_IN = (SANITY, EVOLUTION, INVARIANCE, FILTERS, OCCLUSION, CORRESPONDENCE)
FIGURES: dict[str, Figure] = {figure.key: figure for figure in _BUILT_IN}


def register_figure(figure: Figure) -> Figure:
    """Adds a figure to the report; one of the same key is replaced.

    Args:
        figure: the figure. Its `main` is its command.

    Returns:
        The same figure.

    Raises:
        UsageError: `figure` is no `Figure`.

    Example:
        >>> register_figure(
        ...     Figure(
        ...         key="edges",
        ...         title="Edges",
        ...         description="Draw edges.",
        ...         settings=EdgeSettings,
        ...         measure=measure,
        ...     )
        ... )  # doctest: +SKIP
    """
    if not isinstance(figure, Figure):
        raise UsageError(
            argument="figure", received=type(figure).__name__, expected="a Figure"
        )
    FIGURES[figure.key] = figure
    return figure
