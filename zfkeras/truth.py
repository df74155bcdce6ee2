"""The class that the name of a file tells.

It compares text; it opens nothing.
"""

import re
from collections.abc import Sequence

_IMAGENET_ID = re.compile(r"n\d{8}(?!\d)")


def true_label(name: str, class_names: Sequence[str]) -> int | None:
    """The class a file's or another network's class name stands for.

    Args:
        name: "n02112018_Pomeranian", "n02112018 Pomeranian", "Pomeranian" or "star_3".
        class_names: of the network, such as "n02112018 Pomeranian" or "star".

    Returns:
        The first class of the same ImageNet id, else the first whose name `name` begins
        with (spaces and underscores, large and small letters alike), else `None`.
    """
    wnid = _IMAGENET_ID.match(name)
    if wnid and any(known.startswith(wnid[0]) for known in class_names):
        return next(i for i, k in enumerate(class_names) if k.startswith(wnid[0]))
    plain = _plain(name)
    for label, known in enumerate(class_names):
        rest = plain.removeprefix(_plain(known))
        if _plain(known) and rest != plain and not rest[:1].isalnum():
            return label
    return None


def _plain(name: str) -> str:
    return name.lower().replace("_", " ")
