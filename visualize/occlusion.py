"""`python -m visualize.occlusion`: what hiding parts of an image does, as in Fig. 7."""

import sys

from visualize.figures.occlusion.figure import OCCLUSION

build_parser, main = OCCLUSION.build_parser, OCCLUSION.main

if __name__ == "__main__":
    sys.exit(main())
