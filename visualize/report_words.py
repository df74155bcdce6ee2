"""Words and numbers that all findings of the report are made of.

It knows no figure.
"""

import dataclasses
from collections.abc import Mapping

from visualize.page import Table


@dataclasses.dataclass(frozen=True)
class Finding:
    """What a figure shows.

    Args:
        paper: what the paper says of it.
        ours: sentences on what is to be seen here.
        tables: the numbers.
    """

    paper: str
    ours: tuple[str, ...]
    tables: tuple[Table, ...] = ()


def percent(value: float | None, digits: int = 1) -> str:
    """A fraction in percent; a dash for `None`.

    Args:
        value: fraction.
        digits: after the point.
    """
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def number(value: float | None, digits: int = 2) -> str:
    """A number; a dash for `None`.

    Args:
        value: of any size.
        digits: after the point.
    """
    return "–" if value is None else f"{value:,.{digits}f}"


def claim(record: Mapping) -> str:
    """What the paper says, if the record has it.

    Args:
        record: of a figure.
    """
    paper = record.get("paper")
    return str(paper.get("claim", "")) if isinstance(paper, Mapping) else ""


def said_of_bad_images(record: Mapping) -> tuple[str, ...]:
    """A sentence on the images that could not be read, if there were any.

    Args:
        record: of any figure.
    """
    tally = record.get("bad_images") or {"count": 0}
    count = tally["count"]
    if not count:
        return ()
    noun = "image" if count == 1 else "images"
    return (f"{count:,} {noun} could not be read and took no part.",)


def plain(record: Mapping) -> Finding:
    """What any record says of itself: the paper's claim and a sentence of its own.

    Args:
        record: of any figure.
    """
    summary = record.get("summary", record.get("finding", ()))
    ours = (summary,) if isinstance(summary, str) else tuple(map(str, summary))
    return Finding(claim(record), ours)
