"""`python -m visualize.invariance`: images shifted, scaled and turned, as in Fig. 5."""

import sys

from visualize.figures.command import build_figure_parser, run_figure
from visualize.figures.invariance.figure import INVARIANCE


def build_parser():
    """The command's arguments."""
    return build_figure_parser(INVARIANCE)


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return run_figure(INVARIANCE, argv)


if __name__ == "__main__":
    sys.exit(main())
