"""`python -m visualize.project`: what excites a layer's units in one's photographs."""

import sys

from visualize.figures.command import build_figure_parser, run_figure
from visualize.figures.project.figure import PROJECT


def build_parser():
    """The command's arguments."""
    return build_figure_parser(PROJECT)


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return run_figure(PROJECT, argv)


if __name__ == "__main__":
    sys.exit(main())
