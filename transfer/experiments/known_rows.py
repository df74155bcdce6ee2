"""Rows of results that an earlier run has left in its record, found by their keys."""

from collections.abc import Mapping
from pathlib import Path

from zfkeras.io.files import read_json_again


def known_rows(record: Path) -> dict[str, dict]:
    """Reads the rows of former runs; a damaged record is named and gives none."""
    known = read_json_again(record, "measuring its rows anew")
    try:
        rows = [*known.get("earlier_rows", ()), *known["rows"]]
        return {row["key"]: row for row in rows}
    except (AttributeError, KeyError, TypeError):
        return {}


def with_known(results: Mapping, known: Mapping[str, Mapping]) -> dict:
    """Results with what was measured before and is not among their rows.

    A run that is killed before it comes to a row, or that asks for others, would else
    lose it.
    """
    there = {row["key"] for row in results["rows"]}
    earlier = [row for key, row in known.items() if key not in there]
    return {**results, "earlier_rows": earlier}
