"""Tables that other commands wrote, as sections of the report's page.

It reads their files; it trains and measures nothing, and knows none of their code.
"""

from collections.abc import Mapping
from pathlib import Path

from visualize.page import Section, Table, embed
from visualize.report_figures import Unavailable
from visualize.report_sections import said_in_one_line
from zfkeras.errors import UsageError
from zfkeras.files import read_json
from zfkeras.terminal import row_cells


def ablation(title: str, folder: Path | None) -> Section:
    """Table 3: errors of the network without some of its parts.

    Args:
        title: of the section.
        folder: workdir of `zfkeras.ablation`. `None`: there is none.

    Raises:
        Unavailable: no folder was given.
        Damaged: it does not hold what the command writes.
    """
    if folder is None:
        raise Unavailable(
            "trains ZFNet without some of its parts: give the workdir of python -m "
            "zfkeras.ablation by --ablation."
        )
    with said_in_one_line(folder):
        record = read_json(folder / "ablation.json")
        budget, order = record["budget"], record["order"]
        rows = [_ablation_row(row) for row in record["rows"]]
        picture = folder / "ablation.png"
        counts = [len(order[key]) for key in ("agreeing", "reversed", "undecided")]
        return Section(
            "ablation",
            "Table 3",
            title,
            "Table 3 and sec. 5.1: taking out the fully connected layers or the two "
            "middle convolutions alone raises the error a little; taking out both "
            "ruins it. The depth matters.",
            (
                f"each row trained for {budget['epochs']} epochs by the same recipe, "
                f"which is far less than the paper's. Of {sum(counts)} pairs of rows "
                f"{counts[0]} stand in the paper's order, {counts[1]} in the opposite "
                f"one, {counts[2]} lie too near to each other to tell.",
            ),
            (embed(picture, f"{title}, as bars"),) if picture.exists() else (),
            (
                Table(
                    "Error in percent: here, and in the paper",
                    [
                        "network",
                        "parameters",
                        "training top-1",
                        "top-1",
                        "change",
                        "paper: top-1",
                        "change",
                    ],
                    rows,
                ),
            ),
        )


def _ablation_row(row: Mapping) -> list[str]:
    paper = row["paper"] or {}
    return [
        str(row["label"]),
        f"{row['parameters']:,}",
        _percent(row["train_top1_error"]),
        _percent(row["top1_error"]),
        _percent(row["change"], "+"),
        _percent(paper.get("top1_error")),
        _percent(paper.get("change"), "+"),
    ]


def _percent(value: float | None, sign: str = "") -> str:
    return "–" if value is None else f"{100 * value:{sign}.1f}"


def transfer(title: str, folder: Path | None) -> Section:
    """Tables 4 to 7: what the features are worth on other data sets.

    Args:
        title: of the section.
        folder: workdir of one of transfer's commands, or the folder of several: tables
            as Markdown files, and pictures. `None`: there is none.

    Raises:
        Unavailable: no folder was given.
        Damaged: there are no tables in it.
    """
    if folder is None:
        raise Unavailable(
            "needs the network's features on other images: give a workdir of "
            "transfer's commands by --transfer."
        )
    with said_in_one_line(folder):
        places = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
        # Hidden ones are what a killed process has left.
        files = [path for place in places for path in sorted(place.glob("[!.]*.md"))]
        paths = [path for place in places for path in sorted(place.glob("[!.]*.png"))]
        found = [
            table
            for path in files
            for table in markdown_tables(path.read_text("utf-8"), _label(path, folder))
        ]
        if not found:
            raise UsageError("no Markdown file with a table is in it")
        return Section(
            "transfer",
            "Transfer",
            title,
            "Sec. 5.2: a new softmax on the features of the network trained on "
            "ImageNet beats everything trained on Caltech-101 and Caltech-256 alone, "
            "and the features of higher layers are worth more (Table 7).",
            (),
            tuple(embed(path, f"{title}: {_label(path, folder)}") for path in paths),
            tuple(found),
        )


def _label(path: Path, folder: Path) -> str:
    return " ".join(path.relative_to(folder).with_suffix("").parts).replace("_", " ")


def markdown_tables(text: str, caption: str) -> list[Table]:
    """The tables of a Markdown file, each row on a line between bars.

    Args:
        text: of the file.
        caption: above each of them.
    """
    tables, rows = [], []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            rows.append(row_cells(line))
        elif rows:
            heads, *rest = rows
            body = [row for row in rest if {*"".join(row)} - {*"-: "}]
            width = len(heads)
            tables.append(Table(caption, heads, [_fit(row, width) for row in body]))
            rows = []
    return [table for table in tables if table.rows]


def _fit(row: list[str], width: int) -> list[str]:
    return [*row, *[""] * width][:width]
