"""The results of `transfer.pascal` as a record: table, findings and picture."""

from collections.abc import Callable, Mapping

from transfer.plots.names import short_name
from transfer.plots.pascal import draw_pascal
from transfer.protocols.average_precision import DEFINITIONS
from transfer.reports.caltech import left_out
from transfer.reports.paper import PASCAL, PASCAL_MEANS, PASCAL_PEERS
from zfkeras.records import Record, Table

#: What stands beside the paper's: VOC's own measure since 2010.
SHOWN = "all_point"
# Rows in the picture: more marks on a line could not be told apart.
_PICTURED = 4


def pascal_record(paper: Mapping, results: dict) -> Record:
    """Makes the record, the paper's average precisions beside ours."""
    train, test = results["splits"]
    learnt = (
        f"Learnt from {results['num_train']} images ({train}), tested on "
        f"{results['num_test']} ({test}); the paper's are of another network and of "
        "VOC's own test images."
    )
    return Record(
        paper,
        [learnt, *left_out(results)],
        results,
        [pascal_table(results)],
        {"pascal.png": pascal_picture(results)},
    )


def name_of(row: dict, written: Callable[[int | str], str] = str) -> str:
    """Names a row, such as "SVM (5)"."""
    head = "SVM" if row["head"] == "svm" else row["head"]
    return f"{head} ({written(row['layer'])})"


def pascal_table(results: dict) -> Table:
    """Makes a table of average precision, Table 6's columns beside ours."""
    rows = results["rows"]
    others = [f"paper: {name}" for name in (*PASCAL_PEERS, "its network")]
    nothing = (None,) * len(others)
    lines = []
    for label, name in enumerate(results["class_names"]):
        ours = [row["average_precisions"][SHOWN][label] for row in rows]
        count = str(results["num_positives"][label])
        lines.append(_line(name, count, ours, PASCAL.get(name, nothing)))
    for definition in DEFINITIONS:
        ours = [row["means"][definition] for row in rows]
        paper = PASCAL_MEANS if definition == SHOWN else nothing
        lines.append(_line(f"mean, {definition.replace('_', '-')}", "", ours, paper))
    return Table(
        f"Average precision %, {results['splits'][1]}, {results['model']}",
        ["class", "images", *map(name_of, rows), *others],
        lines,
    )


def pascal_picture(results: dict):
    """Draws the average precision of the best rows, class by class."""
    rows = sorted(results["rows"], key=lambda row: -row["means"][SHOWN])
    best = "" if len(rows) <= _PICTURED else f", the best {_PICTURED} of {len(rows)}"
    counts = results["num_positives"]
    return draw_pascal(
        [f"{n} ({c})" for n, c in zip(results["class_names"], counts, strict=True)],
        {
            f"{name_of(row, short_name)}, mean {_percent(row['means'][SHOWN])}": row[
                "average_precisions"
            ][SHOWN]
            for row in rows[:_PICTURED]
        },
        [PASCAL.get(name, (None,) * 3)[-1] for name in results["class_names"]],
        f"{results['data'].partition(':')[0]}, {results['num_test']} images of "
        f"{results['splits'][1]}, {results['model']}{best}",
    )


def _line(name, count, ours, paper) -> list[str]:
    return [name, count, *map(_percent, ours), *map(_percent, paper)]


def _percent(value) -> str:
    return "" if value is None else f"{100 * value:.1f}"
