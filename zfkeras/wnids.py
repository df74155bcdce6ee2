"""ImageNet's ids of classes, the wnids, such as n02124075 of "n02124075 Egyptian cat".

It reads names; it knows no list of them.
"""

import re

# More digits would make it a number of something else.
_WNID = re.compile(r"n[0-9]{8}(?![0-9])")
_IN_FRONT = re.compile(rf"{_WNID.pattern} (?=.)")


def wnid_of(name: str) -> str | None:
    """The wnid that a class's or file's name begins with, if it does.

    Args:
        name: such as "n02124075 Egyptian cat", "n02124075_1.jpg" or "n02124075".
    """
    found = _WNID.match(name)
    return found[0] if found else None


def without_wnid(name: str) -> str:
    """A class name's words, without the wnid that takes their room.

    Args:
        name: such as "n02124075 Egyptian cat". One without a wnid, and a space behind
            it, stays as it is.
    """
    found = _IN_FRONT.match(name)
    return name[found.end() :] if found else name
