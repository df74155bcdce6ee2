"""`python -m visualize.evolution`: how features change during training: Fig. 4."""

import sys

from visualize.figures.evolution.figure import EVOLUTION

build_parser, main = EVOLUTION.build_parser, EVOLUTION.main

if __name__ == "__main__":
    sys.exit(main())
