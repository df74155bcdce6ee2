"""`python -m transfer.caltech`: heads on a network's layers, on Caltech-101 or -256."""

import sys

from transfer.experiments.caltech import CALTECH

build_parser, main = CALTECH.build_parser, CALTECH.main

if __name__ == "__main__":
    sys.exit(main())
