"""`python -m visualize.sanity`: whether projections show what they seem to show."""

import sys

from visualize.figures.sanity.figure import SANITY

build_parser, main = SANITY.build_parser, SANITY.main

if __name__ == "__main__":
    sys.exit(main())
