"""`python -m visualize.evolution`: how features change during training: Fig. 4."""

import sys

from visualize.figures.command import build_figure_parser, run_figure
from visualize.figures.evolution.figure import EVOLUTION


def build_parser():
    """The command's arguments."""
    return build_figure_parser(EVOLUTION)


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return run_figure(EVOLUTION, argv)


if __name__ == "__main__":
    sys.exit(main())
