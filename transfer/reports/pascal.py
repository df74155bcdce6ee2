"""The results of `transfer.pascal` as a table and a picture."""

from collections.abc import Callable
from pathlib import Path

from transfer.experiments.paper import PASCAL, PASCAL_MEANS, PASCAL_PEERS
from transfer.plots.names import short_name
from transfer.plots.pascal import draw_pascal
from transfer.protocols.average_precision import DEFINITIONS
from transfer.reports.caltech import left_out
from zfkeras.cli.terminal import table_cell
from zfkeras.io.files import written_whole

#: What stands beside the paper's: VOC's own measure since 2010.
SHOWN = "all_point"
# Rows in the picture: more marks on a line could not be told apart.
_PICTURED = 4


def name_of(row: dict, written: Callable[[int | str], str] = str) -> str:
    """What a row is called, such as "SVM (5)"."""
    head = "SVM" if row["head"] == "svm" else row["head"]
    return f"{head} ({written(row['layer'])})"


def as_table(results: dict) -> str:
    """Average precisions in percent as Markdown, Table 6's columns beside ours."""
    rows = results["rows"]
    others = [f"paper: {name}" for name in (*PASCAL_PEERS, "its network")]
    columns = [table_cell(name_of(row)) for row in rows]
    lines = [
        f"| average precision %, {results['splits'][1]} | images | "
        f"{' | '.join([*columns, *others])} |",
        f"|---|---:|{'---:|' * (len(columns) + len(others))}",
    ]
    for label, name in enumerate(results["class_names"]):
        ours = [_percent(row["average_precisions"][SHOWN][label]) for row in rows]
        paper = [_percent(value) for value in PASCAL.get(name, (None,) * 3)]
        images = str(results["num_positives"][label])
        lines.append(f"| {' | '.join([table_cell(name), images, *ours, *paper])} |")
    for definition in DEFINITIONS:
        ours = [_percent(row["means"][definition]) for row in rows]
        shown = PASCAL_MEANS if definition == SHOWN else (None,) * 3
        paper = [_percent(value) for value in shown]
        cells = [f"mean, {definition.replace('_', '-')}", "", *ours, *paper]
        lines.append(f"| {' | '.join(cells)} |")
    text = (
        f"Learnt from {results['num_train']} images ({results['splits'][0]}), tested "
        f"on {results['num_test']} ({results['splits'][1]}); the paper's are of "
        "another network and of VOC's own test images."
    )
    return "\n\n".join(["\n".join(lines), text, *left_out(results)])


def write(results: dict, folder: Path) -> list[Path]:
    """Writes pascal.md and pascal.png."""
    with written_whole(folder / "pascal.md", "w") as file:
        file.write(as_table(results) + "\n")
    rows = sorted(results["rows"], key=lambda row: -row["means"][SHOWN])
    best = "" if len(rows) <= _PICTURED else f", the best {_PICTURED} of {len(rows)}"
    counts = results["num_positives"]
    picture = draw_pascal(
        [f"{n} ({c})" for n, c in zip(results["class_names"], counts, strict=True)],
        {
            f"{name_of(row, short_name)}, mean {_percent(row['means'][SHOWN])}": row[
                "average_precisions"
            ][SHOWN]
            for row in rows[:_PICTURED]
        },
        [PASCAL.get(name, (None,) * 3)[-1] for name in results["class_names"]],
        folder / "pascal.png",
        f"{results['data'].partition(':')[0]}, {results['num_test']} images of "
        f"{results['splits'][1]}, {results['model']}{best}",
    )
    return [folder / "pascal.md", picture]


def _percent(value) -> str:
    return "" if value is None else f"{100 * value:.1f}"
