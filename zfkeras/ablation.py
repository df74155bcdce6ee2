"""`python -m zfkeras.ablation`: Table 3 under one short, equal budget."""

import sys

from zfkeras.experiments.ablation import ABLATION

build_parser, main = ABLATION.build_parser, ABLATION.main

if __name__ == "__main__":
    sys.exit(main())
