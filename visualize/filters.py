"""`python -m visualize.filters`: first-layer filters of several networks: Fig. 6."""

import sys

from visualize.figures.command import build_figure_parser, run_figure
from visualize.figures.filters.figure import FILTERS


def build_parser():
    """The command's arguments."""
    return build_figure_parser(FILTERS)


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return run_figure(FILTERS, argv)


if __name__ == "__main__":
    sys.exit(main())
