"""Reads the class of an image off the name of its file."""

from collections.abc import Sequence

from zfkeras.data.wnids import wnid_of


def true_label(name: str, class_names: Sequence[str]) -> int | None:
    """Finds the class of that wnid, else the longest name that `name` begins with."""
    wnid = wnid_of(name)
    known_wnids = [wnid_of(known) for known in class_names]
    if wnid and wnid in known_wnids:
        return known_wnids.index(wnid)
    plain = _plain(name)
    lengths = [len(_plain(k)) if _begins(plain, _plain(k)) else 0 for k in class_names]
    longest = max(lengths, default=0)
    return lengths.index(longest) if longest else None


def _begins(name: str, known: str) -> bool:
    """Tells whether a name is the known one, or continues it with another word."""
    return name.startswith(known) and not name[len(known) :][:1].isalnum()


def _plain(name: str) -> str:
    return name.lower().replace("_", " ")
