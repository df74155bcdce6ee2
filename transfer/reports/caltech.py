"""The results of `transfer.caltech` as a record: table, findings and pictures."""

from collections.abc import Mapping

from zfkeras.records import Record, Table

#: Arm of whole networks -> what its rows are called.
ARMS = {"from_scratch": "from scratch", "fine_tuned": "fine-tuned"}


def caltech_record(paper: Mapping, results: dict) -> Record:
    """Makes the record, the paper's accuracies beside ours."""
    table = caltech_table(results)
    return Record(paper, left_out(results), results, [table], caltech_pictures(results))


def caltech_table(results: dict) -> Table:
    """Makes a table of heads and of whole networks, accuracies in percent."""
    found = {}
    for row in results["rows"]:
        place = (row["head"], row["layer"], row["n_train_per_class"])
        found.setdefault(place, {})[row["weights"]] = row
    rows = [
        [
            f"{'SVM' if head == 'svm' else head} ({layer})",
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
    headings = ["head (layer)", "images per class", "trained %", "random %", "paper %"]
    kept = [column for column in range(5) if any(row[column] for row in rows)]
    return Table(
        f"{_data_and_folds(results)}: mean per-class accuracy of {results['model']}",
        [headings[column] for column in kept],
        [[row[column] for column in kept] for row in rows],
    )


def lines(results: dict) -> list[dict]:
    """Returns all rows, those of whole networks among them."""
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
    """Says how many images could not be read, if there are any."""
    count = results["bad_images"]["count"]
    noun = "image" if count == 1 else "images"
    return [f"Left out: {count} unreadable {noun}."] if count else []


def caltech_pictures(results: dict) -> dict:
    """Draws what there is to compare: layers, numbers of images, or both."""
    rows = results["rows"]
    numbers = sorted({row["n_train_per_class"] for row in rows})
    title = f"{_data_and_folds(results)}, {results['model']}"
    has_layers = len({(row["head"], row["layer"]) for row in rows}) > 1
    if not has_layers and len(numbers) == 1:
        return {}
    # matplotlib takes half a second.
    from transfer.plots.caltech import draw_by_layer, draw_by_number

    pictures = {}
    if has_layers:
        for n in numbers:
            chosen = [row for row in rows if row["n_train_per_class"] == n]
            pictures[f"by_layer_{n}.png"] = draw_by_layer(
                chosen, f"{title}, {n} training images per class"
            )
    if len(numbers) > 1:
        pictures["by_number.png"] = draw_by_number(lines(results), title)
    return pictures


def _data_and_folds(results) -> str:
    n = results["n_folds"]
    return f"{results['data_set']}, {n} fold{'' if n == 1 else 's'}"


def _spread(row) -> str:
    if not row:
        return ""
    text = f"{100 * row['mean']:.1f}"
    return text if row["std"] is None else f"{text} +/- {100 * row['std']:.1f}"
