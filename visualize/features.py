"""`python -m visualize.features`: what excites each feature map, as in Fig. 2."""

import sys

from visualize.figures.features.figure import FEATURES

build_parser, main = FEATURES.build_parser, FEATURES.main

if __name__ == "__main__":
    sys.exit(main())
