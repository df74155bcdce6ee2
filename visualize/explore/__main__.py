"""`python -m visualize.explore`."""

import sys

from visualize.explore.command import main

if __name__ == "__main__":
    sys.exit(main())
