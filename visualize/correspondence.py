"""`python -m visualize.correspondence`: parts hidden in several images: Table 1."""

import sys

from visualize.figures.command import build_figure_parser, run_figure
from visualize.figures.correspondence.figure import CORRESPONDENCE


def build_parser():
    """The command's arguments."""
    return build_figure_parser(CORRESPONDENCE)


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return run_figure(CORRESPONDENCE, argv)


if __name__ == "__main__":
    sys.exit(main())
