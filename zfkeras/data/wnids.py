"""ImageNet's ids of classes, the wnids: n02124075 of "n02124075 Egyptian cat"."""

import re
from collections.abc import Iterable
from pathlib import Path

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


def in_english(names: Iterable[str]) -> tuple[str, ...]:
    """Adds the English name to those that are a wnid alone, where TFDS knows it."""
    names = tuple(names)
    english = english_names() if any(name == wnid_of(name) for name in names) else {}
    return tuple(f"{n} {english[n]}" if n in english else n for n in names)


def english_names() -> dict[str, str]:
    """Maps ImageNet's 1,000 wnids to their first English name, "Egyptian cat".

    Empty where TensorFlow Datasets, which has them, is not installed.
    """
    try:
        import tensorflow_datasets as tfds
        from tensorflow_datasets.datasets.siscore.labels import IMAGENET_LABELS_LIST
    except ImportError:  # the list is not a public part of it; wnids alone will do
        return {}
    path = Path(tfds.core.tfds_path("datasets/imagenet2012/labels.txt"))
    wnids = path.read_text(encoding="utf-8").split()
    names = (name.split(",")[0] for name in IMAGENET_LABELS_LIST)
    return dict(zip(wnids, names, strict=True))
