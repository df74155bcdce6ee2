"""`python -m zfkeras.evaluate`: top-1 and top-5 error of one model or several."""

import sys

from zfkeras.experiments.evaluate import EVALUATE

build_parser, main = EVALUATE.build_parser, EVALUATE.main

if __name__ == "__main__":
    sys.exit(main())
