"""`python -m visualize.report`."""

import sys

from visualize.report.command import main

if __name__ == "__main__":
    sys.exit(main())
