"""`python -m transfer.pascal`: heads on a network's layers, on PASCAL VOC (Table 6)."""

import sys

from transfer.experiments.pascal import PASCAL

build_parser, main = PASCAL.build_parser, PASCAL.main

if __name__ == "__main__":
    sys.exit(main())
