"""Makes sections of the report out of what other commands wrote: runs and tables."""

from collections.abc import Mapping
from pathlib import Path

from visualize.report.page import Picture, Section, embed
from visualize.report.sections import said_in_one_line
from zfkeras.errors import UsageError
from zfkeras.io.files import read_json
from zfkeras.records import Table
from zfkeras.records.table import percent

ABLATION = "Table 3: what each part contributes"
TRANSFER = "Tables 4 to 7: transfer to other data sets"


def training(run: Path, heads_folder: Path | None = None) -> Section:
    """Shows the accuracy of a run, beside linear heads on a fixed network, if any."""
    if not (run / "results.json").is_file():
        raise UsageError(f"{run} holds no results.json of a finished training.")
    heads = _read_heads(heads_folder)
    with said_in_one_line(run):
        results = read_json(run / "results.json")
        config = read_json(run / "config.json")["config"]
        data, model = config["data"]["source"], config["model"]
        start = model.get("weights")
        origin = f"the weights of {start}" if start else "random weights"
        rows = [*_accuracy(run, results), *heads.get(data, [])]
        return Section(
            anchor="training",
            title=f"Training: {config['name']} on {data}",
            folder=run,
            ours=(
                f"the network {model['variant']} was trained on {data} for "
                f"{results['epochs']} epochs, starting from {origin}.",
            ),
            pictures=_pictures(run, "training.png", "Training: loss and errors"),
            tables=(Table("Accuracy", ["network", "accuracy", "measured on"], rows),),
        )


def _accuracy(run: Path, results: Mapping) -> list[list[str]]:
    """Makes a row of the network, if it was evaluated on a validation split."""
    if "validation" not in results:
        return []
    measured = results["validation"]
    accuracy = percent(1 - measured["centre_crop"]["top1_error"])
    number = f"{measured['num_images']:,} validation images"
    return [[str(run / results["model"]), accuracy, number]]


def _read_heads(folder: Path | None) -> dict[str, list[list[str]]]:
    """Maps the data of transfer.caltech to a row for each head on a trained network."""
    if folder is None or not (folder / "caltech.json").is_file():
        return {}
    with said_in_one_line(folder):
        found = read_json(folder / "caltech.json")
        rows = [
            [
                f"{found['model']}, fixed, with a linear head ({row['head']}) on layer "
                f"{row['layer']}",
                percent(row["mean"]),
                "images that the head did not learn from",
            ]
            for row in found["rows"]
            if row["weights"] == "trained"
        ]
        return {found["data"]: rows}


def ablation(folder: Path | None) -> Section:
    """Makes Table 3: errors of the network without some of its parts."""
    if folder is None:
        raise UsageError(
            "trains ZFNet without some of its parts: give the workdir of python -m "
            "zfkeras.ablation by --ablation.",
            argument="--ablation",
        )
    headings = "network, parameters, training top-1, top-1, change, paper: top-1"
    with said_in_one_line(folder):
        record = read_json(folder / "ablation.json")
        budget, order = record["budget"], record["order"]
        counts = [len(order[key]) for key in ("agreeing", "reversed", "undecided")]
        table = Table(
            "Error in percent: here, and in the paper",
            [*headings.split(", "), "change"],
            [_ablation_row(row) for row in record["rows"]],
        )
        return Section(
            anchor="ablation",
            title=ABLATION,
            folder=folder,
            paper="Table 3 and sec. 5.1: taking out the fully connected layers or the "
            "two middle convolutions alone raises the error a little; taking out both "
            "ruins it. The depth matters.",
            ours=(
                f"each row trained for {budget['epochs']} epochs by the same recipe, "
                f"which is far less than the paper's. Pairs of rows in the paper's "
                f"order: {counts[0]} of {sum(counts)}; in the opposite order: "
                f"{counts[1]}; too near to each other to tell: {counts[2]}.",
            ),
            pictures=_pictures(folder, "ablation.png", f"{ABLATION}, as bars"),
            tables=(table,),
        )


def _ablation_row(row: Mapping) -> list[str]:
    paper = row["paper"] or {}
    return [
        str(row["label"]),
        f"{row['parameters']:,}",
        _bare_percent(row["train_top1_error"]),
        _bare_percent(row["top1_error"]),
        _bare_percent(row["change"], "+"),
        _bare_percent(paper.get("top1_error")),
        _bare_percent(paper.get("change"), "+"),
    ]


def _bare_percent(value: float | None, sign: str = "") -> str:
    return "–" if value is None else f"{100 * value:{sign}.1f}"


def transfer(folder: Path | None) -> Section:
    """Shows Tables 4 to 7: what the features are worth on other data sets."""
    if folder is None:
        raise UsageError(
            "needs the network's features on other images: give a workdir of "
            "transfer's commands by --transfer.",
            argument="--transfer",
        )
    with said_in_one_line(folder):
        paths = [*folder.glob("results.json")] or sorted(folder.glob("*/results.json"))
        tables = [
            Table.from_json(table)
            for path in paths
            for table in read_json(path).get("tables", ())
        ]
        if not tables:
            raise UsageError("no results.json with a table is in it")
        return Section(
            anchor="transfer",
            title=TRANSFER,
            folder=folder,
            paper="Sec. 5.2: a new softmax on the features of the network trained on "
            "ImageNet beats everything trained on Caltech-101 and Caltech-256 alone, "
            "and the features of higher layers are worth more (Table 7).",
            # Hidden files are what a killed process has left.
            pictures=_pictures(folder, "[!.]*.png", TRANSFER)
            + _pictures(folder, "*/[!.]*.png", TRANSFER),
            tables=tuple(tables),
        )


def _pictures(folder: Path, pattern: str, what: str) -> tuple[Picture, ...]:
    """Embeds the pictures in a folder, none if there are none."""
    return tuple(
        embed(path, f"{what}: {path.stem.replace('_', ' ')}")
        for path in sorted(folder.glob(pattern))
    )
