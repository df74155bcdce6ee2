"""Rows of results that an earlier run has left in its record, found by their keys."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from zfkeras.files import read_json_again


def known_rows(record: Path) -> dict[str, dict]:
    """Reads the rows of a former run; a damaged record is named and gives none.

    Args:
        record: JSON file {"rows": [{"key", ...}]}.

    Returns:
        Key -> row.
    """
    known = read_json_again(record, "measuring its rows anew")
    try:
        return {row["key"]: row for row in known["rows"]}
    except (KeyError, TypeError):
        return {}


def with_known(rows: Sequence[Mapping], known: Mapping[str, Mapping]) -> list:
    """The rows of a run under way and, behind them, those it has not come to yet.

    A run that is killed before it comes to them would else lose what was measured.

    Args:
        rows: so far.
        known: from `known_rows`.
    """
    there = {row["key"] for row in rows}
    return [*rows, *(row for key, row in known.items() if key not in there)]
