"""`python -m visualize.project`: what excites a layer's units in one's photographs."""

import sys

from visualize.figures.project.figure import PROJECT

build_parser, main = PROJECT.build_parser, PROJECT.main

if __name__ == "__main__":
    sys.exit(main())
