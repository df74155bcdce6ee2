"""`python -m visualize.correspondence`: parts hidden in several images: Table 1."""

import sys

from visualize.figures.correspondence.figure import CORRESPONDENCE

build_parser, main = CORRESPONDENCE.build_parser, CORRESPONDENCE.main

if __name__ == "__main__":
    sys.exit(main())
