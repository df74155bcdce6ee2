"""`python -m visualize.invariance`: images shifted, scaled and turned, as in Fig. 5."""

import sys

from visualize.figures.invariance.figure import INVARIANCE

build_parser, main = INVARIANCE.build_parser, INVARIANCE.main

if __name__ == "__main__":
    sys.exit(main())
