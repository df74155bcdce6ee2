"""`python -m visualize.occlusion`: what hiding parts of an image does, as in Fig. 7."""

import sys

from visualize.figures.command import build_figure_parser, run_figure
from visualize.figures.occlusion.figure import OCCLUSION


def build_parser():
    """The command's arguments."""
    return build_figure_parser(OCCLUSION)


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return run_figure(OCCLUSION, argv)


if __name__ == "__main__":
    sys.exit(main())
