"""`python -m transfer.tables`: Tables 4 to 7 and Fig. 9, the paper beside ours."""

import sys

from transfer.experiments.tables import TABLES_4_TO_7

build_parser, main = TABLES_4_TO_7.build_parser, TABLES_4_TO_7.main

if __name__ == "__main__":
    sys.exit(main())
