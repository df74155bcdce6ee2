"""Reads what commands leave in their workdirs."""

import json
from pathlib import Path


def read_results(workdir: Path, name: str) -> dict:
    """The record NAME.json of a command, which results.json must hold, too."""
    record, results = (
        json.loads((workdir / f"{file}.json").read_text(encoding="utf-8"))
        for file in (name, "results")
    )
    assert results == record
    return record
