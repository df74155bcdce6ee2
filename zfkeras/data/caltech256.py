"""`caltech256:PATH`: Caltech-256, 30,607 photographs in 256 categories and a clutter.

Labels follow the sorted folder names, which begin with a number of three digits, so a
whole set's label is that number less one.
"""

import re

from zfkeras.data.caltech import Layout, open_caltech
from zfkeras.data.sources import Source

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
    """Opens Caltech-256; its one split is "train".

    Ids are "001.ak47/001_0001.jpg". The clutter is the class "257.clutter"
    (`zfkeras.data.caltech.background_label`). The folders and files in the published
    archive that are neither categories nor images (RENAME2, 056.dog/greg) are left out.

    Args:
        rest: path of the folder 256_ObjectCategories, of the folder it lies in, or of
            its tar.

    Raises:
        FileNotFoundError: there is no such path.
        UsageError: it is not Caltech-256, or a category is missing or empty.
    """
    return open_caltech(rest, LAYOUT)
