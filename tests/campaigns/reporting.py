"""What a campaign says at its end: a table on the screen, everything in a JSON file."""

from collections.abc import Sequence
from pathlib import Path

from zfkeras.errors import RunError
from zfkeras.io.provenance import write_record


def conclude(path: Path, fault: str, rows: Sequence[dict]) -> None:
    """Prints the table and writes the record."""
    print("| fault | tries | lost | what the user saw |")
    print("|---|---:|---:|---|")
    for row in rows:
        said = "<br>".join(f"`{line}`" for line, _ in row["said"]) or "nothing"
        print(f"| {row['fault']} | {row['tries']} | {len(row['lost'])} | {said} |")
    write_record(path, {"fault": fault, "rows": list(rows)})
    lost = [one for row in rows for one in row["lost"]]
    print(f"{sum(row['tries'] for row in rows)} tries, {len(lost)} losses; {path}")
    if lost:
        raise RunError(f"{len(lost)} losses, the first: {lost[0][:400]}")
