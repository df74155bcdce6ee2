"""`python -m visualize.filters`: first-layer filters of several networks: Fig. 6."""

import sys

from visualize.figures.filters.figure import FILTERS

build_parser, main = FILTERS.build_parser, FILTERS.main

if __name__ == "__main__":
    sys.exit(main())
