"""What a campaign says at its end: a table on the screen, everything in a JSON file."""

from collections.abc import Sequence
from pathlib import Path

from zfkeras.errors import RunError
from zfkeras.provenance import write_record


def conclude(path: Path, fault: str, rows: Sequence[dict]) -> None:
    """Prints the table and writes the record.

    Args:
        path: of the JSON file.
        fault: the class of faults.
        rows: {"fault", "tries", "lost": list of what was, "said": [(line, how often)]}
            and whatever else stands in the record.

    Raises:
        RunError: something was lost.
    """
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
