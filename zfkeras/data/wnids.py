"""ImageNet's ids of classes, the wnids: n02124075 of "n02124075 Egyptian cat"."""

import re

# More digits would make it a number of something else.
_WNID = re.compile(r"n[0-9]{8}(?![0-9])")
_IN_FRONT = re.compile(rf"{_WNID.pattern} (?=.)")


def wnid_of(name: str) -> str | None:
    """Returns the wnid at the beginning of a class's or file's name, or `None`."""
    found = _WNID.match(name)
    return found[0] if found else None


def without_wnid(name: str) -> str:
    """Removes the wnid from the beginning of a class name."""
    found = _IN_FRONT.match(name)
    return name[found.end() :] if found else name
