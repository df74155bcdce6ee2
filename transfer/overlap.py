"""`python -m transfer.overlap`: lists the images that two data sets share."""

import sys

from transfer.experiments.overlap import OVERLAP

build_parser, main = OVERLAP.build_parser, OVERLAP.main

if __name__ == "__main__":
    sys.exit(main())
