"""The results of `transfer.caltech` as a table and as pictures."""

from pathlib import Path

from transfer.experiments.whole_network import ARMS
from transfer.plots.caltech import draw_by_layer, draw_by_number
from zfkeras.cli.terminal import table_cell
from zfkeras.io.files import written_whole


def as_table(results: dict) -> str:
    """The rows as Markdown, accuracies in percent, the paper's beside ours."""
    found = {}
    for row in results["rows"]:
        place = (row["head"], row["layer"], row["n_train_per_class"])
        found.setdefault(place, {})[row["weights"]] = row
    rows = [
        [
            f"{'SVM' if head == 'svm' else head} ({table_cell(str(layer))})",
            str(n),
            *(_spread(of.get(weights)) for weights in ("trained", "random")),
            _spread(of["trained"]["paper"]),
        ]
        for (head, layer, n), of in found.items()
    ]
    rows += [
        [
            row["head"],
            str(row["n_train_per_class"]),
            _spread(row),
            "",
            _spread(row["paper"]),
        ]
        for row in _whole_networks(results)
    ]
    heads = [
        _data_and_folds(results),
        "images per class",
        "trained %",
        "random %",
        "paper %",
    ]
    return "\n\n".join([_markdown(heads, rows), *left_out(results)])


def lines(results: dict) -> list[dict]:
    """All rows as `draw_by_number` takes them, those of whole networks among them."""
    return [*results["rows"], *_whole_networks(results)]


def _whole_networks(results):
    return [
        {
            **row,
            "weights": "random" if arm == "from_scratch" else "trained",
            "head": f"{called}, {row['epochs']} epochs",
            "layer": None,
        }
        for arm, called in ARMS.items()
        for row in results.get(arm, ())
    ]


def left_out(results: dict) -> list[str]:
    """A sentence about the images that could not be read, if there are any."""
    count = results["bad_images"]["count"]
    return [f"Left out: {count} unreadable image{'' if count == 1 else 's'}."] * (
        count > 0
    )


def _markdown(heads, rows) -> str:
    """A table of the columns that say something."""
    kept = [i for i in range(len(heads)) if any(row[i] for row in rows)]
    rules = ["---", *["---:"] * (len(heads) - 1)]
    lines = ["| " + " | ".join(row[i] for i in kept) + " |" for row in [heads, *rows]]
    lines.insert(1, "|" + "|".join(rules[i] for i in kept) + "|")
    return "\n".join(lines)


def write(results: dict, folder: Path) -> Path:
    """Writes caltech.md; caltech.json is there already. Returns the latter's path."""
    with written_whole(folder / "caltech.md", "w") as file:
        file.write(as_table(results) + "\n")
    return folder / "caltech.json"


def draw(results: dict, folder: Path) -> list[Path]:
    """Draws what there is to compare: layers, numbers of images, or both."""
    for of_before in [*folder.glob("by_layer_*.png"), folder / "by_number.png"]:
        of_before.unlink(missing_ok=True)  # it may be of other rows
    rows = results["rows"]
    numbers = sorted({row["n_train_per_class"] for row in rows})
    title = f"{_data_and_folds(results)}, {results['model']}"
    made = []
    if len({(row["head"], row["layer"]) for row in rows}) > 1:
        for n in numbers:
            made.append(
                draw_by_layer(
                    [row for row in rows if row["n_train_per_class"] == n],
                    folder / f"by_layer_{n}.png",
                    f"{title}, {n} training images per class",
                )
            )
    if len(numbers) > 1:
        made.append(draw_by_number(lines(results), folder / "by_number.png", title))
    return made


def _data_and_folds(results) -> str:
    n = results["n_folds"]
    return f"{results['data_set']}, {n} fold{'' if n == 1 else 's'}"


def _spread(row) -> str:
    if not row:
        return ""
    text = f"{100 * row['mean']:.1f}"
    return text if row["std"] is None else f"{text} +/- {100 * row['std']:.1f}"
