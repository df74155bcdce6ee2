"""`caltech256:PATH`: Caltech-256, 30,607 photographs in 256 categories and a clutter.

Labels follow the sorted folder names, which begin with a number of three digits, so a
whole set's label is that number less one.
"""

import re

from zfkeras.data.register import Source
from zfkeras.data.sources.caltech import Layout, open_caltech

LAYOUT = Layout(
    prefix="caltech256",
    folder="256_ObjectCategories",
    archives=(
        "caltech-256/256_ObjectCategories",
        "caltech256/256_ObjectCategories",
        "256_ObjectCategories.tar",
        "caltech-256/256_ObjectCategories.tar",
    ),
    category=re.compile(r"(\d{3})\.[^/]+"),
    key=1,
    whole=frozenset(f"{number:03d}" for number in range(1, 257)),
    text=(
        "256_ObjectCategories.tar, which python -m zfkeras.download caltech256 gets, "
        "or its folder 256_ObjectCategories with 001.ak47/001_0001.jpg"
    ),
)


def open_source(rest: str) -> Source:
    """Opens Caltech-256; its one split is "train"."""
    return open_caltech(rest, LAYOUT)
