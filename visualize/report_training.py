"""The report's section on a training run: what was trained, and how well.

It reads what `zfkeras.train` and `transfer.caltech` wrote; it trains nothing.
"""

from collections.abc import Mapping
from pathlib import Path

from visualize.page import Section, Table, embed
from visualize.report_figures import Unavailable
from visualize.report_sections import said_in_one_line
from visualize.report_words import percent
from zfkeras.files import read_json


def training(run: Path, transfer: Path | None = None) -> Section:
    """What a run reached, beside linear heads on a network that was not trained on.

    Args:
        run: workdir of `zfkeras.train`.
        transfer: workdir of `transfer.caltech`; its heads are compared if they were
            fitted to the same data. `None` (default): no heads.

    Raises:
        Unavailable: the run has no results yet.
        Damaged: a file is missing, or is not what the command writes.
    """
    if not (run / "results.json").is_file():
        raise Unavailable(f"{run} holds no results.json of a finished training.")
    heads = _read_heads(transfer)
    with said_in_one_line(run):
        results = read_json(run / "results.json")
        config = read_json(run / "config.json")["config"]
        data, picture = config["data"]["source"], run / "training.png"
        rows = [*_accuracy(run, results), *heads.get(data, [])]
        return Section(
            "training",
            "Training",
            f"Training: {config['name']} on {data}",
            ours=(_summary(config, results),),
            pictures=(embed(picture, "Training: loss and errors by epoch"),)
            if picture.exists()
            else (),
            tables=(Table("Accuracy", ["network", "accuracy", "measured on"], rows),),
        )


def _summary(config: Mapping, results: Mapping) -> str:
    start = config["model"].get("weights")
    origin = f"the weights of {start}" if start else "random weights"
    return (
        f"the network {config['model']['variant']} was trained on "
        f"{config['data']['source']} for {results['epochs']} epochs, starting from "
        f"{origin}."
    )


def _accuracy(run: Path, results: Mapping) -> list[list[str]]:
    """A row of the trained network, if it was evaluated on a validation split."""
    if "validation" not in results:
        return []
    measured = results["validation"]
    accuracy = percent(1 - measured["centre_crop"]["top1_error"])
    number = f"{measured['num_images']:,} validation images"
    return [[str(run / results["model"]), accuracy, number]]


def _read_heads(folder: Path | None) -> dict[str, list[list[str]]]:
    """Data -> a row of each linear head on a network whose layers were kept fixed."""
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
