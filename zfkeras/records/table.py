"""Tables of results: as Markdown, as JSON, and as pages show them."""

import dataclasses
from collections.abc import Mapping, Sequence

from zfkeras.io.terminal import table_cell


@dataclasses.dataclass(frozen=True)
class Table:
    """A table whose first column names the rows.

    Args:
        caption: what the numbers are, with their unit.
        headings: one for each column.
        rows: texts, one for each column.
        note: what has to be known to read it; empty for nothing.
    """

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def to_markdown(self) -> str:
        """Writes the table in Markdown without its caption, columns below each other.

        The first column is aligned to the left, the others to the right.
        """
        lines = [[table_cell(cell) for cell in row] for row in self._lines()]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        rules = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
        lines.insert(1, [rule if rule != ":" else "-:" for rule in rules])
        text = "\n".join(_line(line, widths) for line in lines)
        return f"{text}\n\n{self.note}" if self.note else text

    def to_text(self) -> str:
        """Returns caption and table as a terminal shows them."""
        return f"{self.caption}\n{self.to_markdown()}"

    def to_json(self) -> dict:
        """Returns the table as JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, value: Mapping) -> "Table":
        """Reads what `to_json` gives; raises KeyError for what is missing."""
        return cls(
            str(value["caption"]),
            [str(one) for one in value["headings"]],
            [[str(cell) for cell in row] for row in value["rows"]],
            str(value.get("note", "")),
        )

    def _lines(self):
        return [[*self.headings], *([*row] for row in self.rows)]


def percent(value: float | None, digits: int = 1) -> str:
    """Writes a fraction in percent, `None` as a dash."""
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def number(value: float | None, digits: int = 2) -> str:
    """Writes a number, `None` as a dash."""
    return "–" if value is None else f"{value:,.{digits}f}"


def _line(cells, widths) -> str:
    first, *rest = zip(cells, widths, strict=True)
    padded = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]
    return f"| {' | '.join(padded)} |"
