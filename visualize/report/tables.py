"""Makes sections of the report out of what other commands wrote: runs and tables."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from visualize.report.figures import read_record
from visualize.report.page import Section, embed
from visualize.report.sections import record_section, said_in_one_line
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
            pictures=tuple(
                embed(path, "Training: loss and errors")
                for path in run.glob("training.png")
            ),
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
    """Shows Table 3 as `zfkeras.ablation` recorded it."""
    if folder is None:
        raise UsageError(
            "trains ZFNet without some of its parts: give the workdir of python -m "
            "zfkeras.ablation by --ablation.",
            argument="--ablation",
        )
    record = read_record(folder / "ablation.json")
    return record_section("ablation", ABLATION, record, folder)


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
        # Folders of other commands may lie beside them.
        paths = [path for path in paths if read_json(path).get("tables")]
        if not paths:
            raise UsageError("no results.json with a table is in it")
        parts = [
            record_section("transfer", TRANSFER, read_record(path), path.parent)
            for path in paths
        ]
    return dataclasses.replace(
        parts[0],
        folder=folder,
        paper=" ".join(dict.fromkeys(part.paper for part in parts)),
        **{
            name: tuple(one for part in parts for one in getattr(part, name))
            for name in ("ours", "pictures", "tables")
        },
    )
