"""What a figure or a table found, from which JSON, text and pages are made."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from zfkeras.records.table import Table


@dataclasses.dataclass(frozen=True, eq=False)
class Record:
    """What was measured for a figure or a table of the paper.

    Args:
        paper: "figure" and "claim" of the paper, and its numbers if there are any.
        findings: sentences on what was found.
        numbers: what was measured, as JSON values.
        tables: the numbers people compare.
        pictures: file name -> `matplotlib.figure.Figure`, or `None` for a picture that
            is in the folder of the results.
    """

    paper: Mapping[str, Any]
    findings: Sequence[str]
    numbers: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    tables: Sequence[Table] = ()
    pictures: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Returns JSON values; pictures are there by name."""
        return {
            "paper": dict(self.paper),
            "findings": [*self.findings],
            **self.numbers,
            "tables": [table.to_json() for table in self.tables],
            "pictures": [*self.pictures],
        }

    @classmethod
    def from_json(cls, value: Mapping) -> "Record":
        """Reads what `to_json` gives; raises KeyError for what is missing."""
        own = ("paper", "findings", "tables", "pictures")
        return cls(
            value["paper"],
            [str(one) for one in value["findings"]],
            {key: one for key, one in value.items() if key not in own},
            [Table.from_json(table) for table in value["tables"]],
            dict.fromkeys(map(str, value["pictures"])),
        )

    def to_text(self) -> str:
        """Returns tables and findings as a terminal shows them."""
        parts = [table.to_text() for table in self.tables]
        return "\n\n".join([*parts, "\n".join(self.findings)]).strip()
