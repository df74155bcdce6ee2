"""`python -m visualize.features`: what excites each feature map, as in Fig. 2."""

import sys

from visualize.figures.command import build_figure_parser, run_figure
from visualize.figures.features.figure import FEATURES


def build_parser():
    """The command's arguments."""
    return build_figure_parser(FEATURES)


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return run_figure(FEATURES, argv)


if __name__ == "__main__":
    sys.exit(main())
