"""Table 3: one recipe and one budget for every change to a network.

It trains nothing itself: each row is an experiment in a folder of its own.
"""

import dataclasses
import logging
import math
from collections.abc import Sequence
from pathlib import Path

import keras

from zfkeras.data.files.bad_images import BadImages
from zfkeras.errors import UsageError
from zfkeras.io.files import read_json_again, write_json
from zfkeras.models.classifier import Classifier
from zfkeras.models.variants import find_variant, rows_of
from zfkeras.records.table import Table
from zfkeras.training.config import TrainConfig
from zfkeras.training.ensemble import evaluate
from zfkeras.training.run import Execution, run_experiment
from zfkeras.training.run_data import carved, open_data

logger = logging.getLogger(__name__)

# Training images on which a finished network's training error is measured, at most.
TRAIN_ERROR_IMAGES = 5000
# Two errors nearer than so many standard errors of their difference are not told apart.
_CLEAR = 2.0
_ROW = "row.json"
_LABELS = {
    None: "full network",
    "fc_half": "layers 6, 7 halved",
    "fc_double": "layers 6, 7 doubled",
    "b": "layers 3, 4, 5 widened",
    "b_fc_double": "layers 3, 4, 5 widened, 6, 7 doubled",
}


def paper_change(variant: str) -> dict | None:
    """Finds how far the paper's errors move by the same change.

    Layers were removed from the paper's replica of AlexNet alone, layers 3-5 widened in
    its own network alone; a change not made to one is taken from the other.
    """
    spec = find_variant(variant)
    own = spec.base.removesuffix("_quarter")
    for network in (own, "zfnet" if own == "alexnet" else "alexnet"):
        full, *changed = rows_of(network)
        for row in (full, *changed):
            if row.paper is not None and row.change == spec.change:
                change = row.paper.top1_error - full.paper.top1_error
                paper = dataclasses.asdict(row.paper)
                return {"variant": row.name, **paper, "change": round(change, 3)}
    return None


def run_ablation(
    config: TrainConfig,
    variants: Sequence[str],
    folder: Path,
    execution: Execution | None = None,
) -> dict:
    """Trains and measures each variant under one recipe; resumes if it can."""
    _check_validation(config)
    rows = []
    for number, variant in enumerate(variants):
        logger.info("row %d of %d: %s", number + 1, len(variants), variant)
        model = dataclasses.replace(config.model, variant=variant)
        row_config = dataclasses.replace(config, model=model)
        rows.append(_row(row_config, Path(folder) / variant, execution))
    full = next(row for row in rows if find_variant(row["variant"]).change is None)
    for row in rows:
        row["change"] = row["top1_error"] - full["top1_error"]
        row["change_standard_error"] = _standard_error(row, full)
        row["paper"] = paper_change(row["variant"])
    return {"budget": _budget(config, rows), "rows": rows, "order": order(rows)}


def _check_validation(config: TrainConfig) -> None:
    """Refuses a wrong validation set before any network is trained."""
    validation = open_data(config).splits.get("validation")
    if validation is None or not validation.num_examples:
        raise UsageError(
            f"--data {config.data.source} has no validation images, on which the rows "
            "are compared."
        )


def _row(config: TrainConfig, folder: Path, execution) -> dict:
    """Measures one variant, or reads what was measured under the same settings."""
    record = folder / _ROW
    settings = config.to_json()
    known = read_json_again(record, "measuring its row anew")
    if isinstance(known, dict) and known.get("config") == settings and "row" in known:
        return known["row"]
    results = run_experiment(config, folder, execution)
    classifier = Classifier.load(folder / results["model"])
    rates = results["validation"]["centre_crop"]
    row = {
        "variant": config.model.variant,
        "label": label(config.model.variant),
        "parameters": classifier.model.count_params(),
        "train_top1_error": _train_error(config, classifier),
        "top1_error": rates["top1_error"],
        "top5_error": rates["top5_error"],
        "num_images": results["validation"]["num_images"],
    }
    write_json(record, {"config": settings, "row": row})
    keras.utils.clear_session()  # the next row would start beside this one's graphs
    return row


def _train_error(config: TrainConfig, classifier: Classifier) -> float:
    """Measures the top-1 error on centre crops of training images, without dropout."""
    source = open_data(config)
    train, _ = carved(config, source)
    share = min(1.0, TRAIN_ERROR_IMAGES / max(train.num_examples, 1))
    _, sample = train.carve(share, config.seed)
    results = evaluate(
        [classifier],
        source,
        sample,
        batch_size=config.batch_size,
        ten_crop=False,
        bad_images=BadImages(sample.num_examples, config.data.max_bad_fraction),
    )
    return results["centre_crop"]["top1_error"]


def label(variant: str) -> str:
    """Names the row in tables."""
    change = find_variant(variant).change
    if change in _LABELS:
        return _LABELS[change]
    removed = change.removeprefix("without_").split("_")
    return f"layer{'s' if len(removed) > 1 else ''} {', '.join(removed)} removed"


def _budget(config: TrainConfig, rows) -> dict:
    return {
        "data": config.data.source,
        "num_classes": config.data.num_classes,
        "epochs": config.epochs,
        "batch_size": config.batch_size,
        "recipe": config.name,
        "seed": config.seed,
        "mixed_precision": config.mixed_precision,
        "validation_images": rows[0]["num_images"],
    }


def _standard_error(row, full) -> float:
    """Returns the standard error of a difference of two independent error rates."""
    if row is full:
        return 0.0
    return math.sqrt(sum(_variance(one) for one in (row, full)))


def _variance(row) -> float:
    return row["top1_error"] * (1 - row["top1_error"]) / row["num_images"]


def order(rows: Sequence[dict]) -> dict:
    """Compares each pair of rows with the paper's order by change of top-1 error."""
    known = [row for row in rows if row["paper"] is not None]
    answer = {"agreeing": [], "reversed": [], "undecided": []}
    for number, one in enumerate(known):
        for other in known[number + 1 :]:
            if one["paper"]["change"] == other["paper"]["change"]:
                continue
            better, worse = sorted((one, other), key=lambda row: row["paper"]["change"])
            margin = worse["top1_error"] - better["top1_error"]
            doubt = _CLEAR * math.sqrt(_variance(better) + _variance(worse))
            verdict = "undecided"
            if abs(margin) > doubt:
                verdict = "agreeing" if margin > 0 else "reversed"
            answer[verdict].append([better["variant"], worse["variant"]])
    return {**answer, "holds": not answer["reversed"]}


def as_table(results: dict) -> str:
    """Formats the results as Markdown, in percent, with the paper's columns."""
    keys = ("train_top1_error", "top1_error", "top5_error")
    names = ("train top-1", "top-1 error", "top-5 error", "change")
    headings = ["", "parameters", *names, *(f"paper: {name}" for name in names)]
    rows = []
    for row in results["rows"]:
        paper = row["paper"] or {}
        cells = [row["label"], f"{row['parameters']:,}"]
        for errors in (row, paper):
            cells += _percents(errors, *keys)
            cells.append(f"{100 * errors['change']:+.1f}" if errors else "")
        rows.append(cells)
    return Table("errors", headings, rows, _verdict(results)).to_markdown()


def _percents(row, *keys) -> list[str]:
    values = (row.get(key) for key in keys)
    return ["" if value is None else f"{100 * value:.1f}" for value in values]


def _verdict(results: dict) -> str:
    pairs = results["order"]
    total = sum(len(pairs[key]) for key in ("agreeing", "reversed", "undecided"))
    text = (
        f"Of {total} pairs of rows, {len(pairs['agreeing'])} stand in the paper's "
        f"order, {len(pairs['reversed'])} in the opposite one, and "
        f"{len(pairs['undecided'])} lie too near to each other to tell."
    )
    names = [f"{a} before {b}" for a, b in pairs["reversed"]]
    return text + (f" Opposite: {'; '.join(names)}." if names else "")
