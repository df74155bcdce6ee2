"""Writes the table of docs/models.md: `python -m tests.model_files.table`.

Each row is a file of its own and goes through all commands, which took 39 minutes on
two busy cores.
"""

import re
import sys
import tempfile
import warnings
from pathlib import Path

from tests.model_files.commands import WORKS, command_lines, make_images, outcome
from tests.model_files.kinds import KINDS, family_kinds

PAGE = Path(__file__).parents[2] / "docs" / "models.md"
_MARKS = ("<!-- table -->", "<!-- end of the table -->")


def main() -> int:
    """Runs all commands on all files and puts the table into the page."""
    warnings.simplefilter("ignore")
    lines = {}
    with tempfile.TemporaryDirectory() as folder:
        images = make_images(Path(folder) / "shapes")
        commands = command_lines(images)
        rows = [f"| model file | {' | '.join(commands)} |", "|---" * 8 + "|"]
        for number, kind in enumerate((*KINDS, *family_kinds())):
            place = Path(folder) / f"{number}"
            place.mkdir()
            model = str(kind.make(place / "mine"))
            cells = []
            for command, arguments in commands.items():
                given = [*arguments, "--model", model, *kind.flags]
                line = outcome(command, given, place / command)
                if line != WORKS:
                    line = line.replace(f"{place}/", "").replace("`", "'")
                    line = f"[{lines.setdefault(line, len(lines) + 1)}]"
                cells.append(line)
            flags = " ".join(Path(flag).name for flag in kind.flags)
            title = f"{kind.title}; `{flags}`" if flags else kind.title
            rows.append(f"| {title} | {' | '.join(cells)} |")
            print(rows[-1], file=sys.stderr, flush=True)
    notes = [f"{number}. `{line}`" for line, number in lines.items()]
    table = "\n".join([_MARKS[0], "", *rows, "", *notes, "", _MARKS[1]])
    page = PAGE.read_text(encoding="utf-8")
    pattern = f"{_MARKS[0]}.*{_MARKS[1]}"
    PAGE.write_text(re.sub(pattern, lambda _: table, page, flags=re.S), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
