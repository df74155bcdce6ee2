"""The rows of Table 3 as a record, the paper's errors beside ours."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

from zfkeras.models.variants import find_variant, rows_of
from zfkeras.plots.ablation import draw_ablation
from zfkeras.records import Record, Table
from zfkeras.training.config import TrainConfig

# Two errors nearer than so many standard errors of their difference are not told apart.
_CLEAR = 2.0
_LABELS = {
    None: "full network",
    "fc_half": "layers 6, 7 halved",
    "fc_double": "layers 6, 7 doubled",
    "b": "layers 3, 4, 5 widened",
    "b_fc_double": "layers 3, 4, 5 widened, 6, 7 doubled",
}


def ablation_record(
    paper: Mapping, config: TrainConfig, rows: Sequence[Mapping]
) -> Record:
    """Makes the record of rows that were trained by one recipe, full network first."""
    rows = [_compared(row, rows[0]) for row in rows]
    pairs = order(rows)
    budget = {
        "data": config.data.source,
        "num_classes": config.data.num_classes,
        "epochs": config.epochs,
        "batch_size": config.batch_size,
        "recipe": config.name,
        "seed": config.seed,
        "mixed_precision": config.mixed_precision,
        "validation_images": rows[0]["num_images"],
    }
    picture = draw_ablation(
        rows[1:],
        f"Table 3, {rows[0]['variant']}: {budget['num_classes'] or 'all'} classes, "
        f"{config.epochs} epochs a row, {budget['validation_images']} validation "
        "images",
    )
    return Record(
        paper,
        [
            "All rows were trained by the same recipe. "
            f"Epochs: {config.epochs}; in the paper: 70.",
            _verdict(pairs),
        ],
        {"budget": budget, "rows": rows, "order": pairs},
        [error_table(rows)],
        {"ablation.png": picture},
    )


def _compared(row: Mapping, full: Mapping) -> dict:
    """Adds to a row its name, its distance to the full network, and the paper's."""
    return {
        **row,
        "label": label(row["variant"]),
        "change": row["top1_error"] - full["top1_error"],
        "change_standard_error": 0.0 if row is full else _standard_error(row, full),
        "paper": paper_change(row["variant"]),
    }


def label(variant: str) -> str:
    """Names the row in tables."""
    change = find_variant(variant).change
    if change in _LABELS:
        return _LABELS[change]
    removed = change.removeprefix("without_").split("_")
    return f"layer{'s' if len(removed) > 1 else ''} {', '.join(removed)} removed"


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


def order(rows: Sequence[Mapping]) -> dict:
    """Compares each pair of rows with the paper's order by change of top-1 error."""
    known = [row for row in rows if row["paper"] is not None]
    answer = {"agreeing": [], "reversed": [], "undecided": []}
    for number, one in enumerate(known):
        for other in known[number + 1 :]:
            if one["paper"]["change"] == other["paper"]["change"]:
                continue
            better, worse = sorted((one, other), key=lambda row: row["paper"]["change"])
            margin = worse["top1_error"] - better["top1_error"]
            verdict = "undecided"
            if abs(margin) > _CLEAR * _standard_error(better, worse):
                verdict = "agreeing" if margin > 0 else "reversed"
            answer[verdict].append([better["variant"], worse["variant"]])
    return {**answer, "holds": not answer["reversed"]}


def _standard_error(*rows: Mapping) -> float:
    """Returns the standard error of a difference of two independent error rates."""
    return math.sqrt(
        sum(r["top1_error"] * (1 - r["top1_error"]) / r["num_images"] for r in rows)
    )


def error_table(rows: Sequence[Mapping]) -> Table:
    """Makes the table of errors, the paper's columns behind ours."""
    names = ("train top-1", "top-1", "top-5", "change")
    return Table(
        "Table 3: error in percent; change of the top-1 error against the full network",
        ["network", "parameters", *names, *(f"paper: {name}" for name in names)],
        [
            [
                row["label"],
                f"{row['parameters']:,}",
                *_errors(row),
                *_errors(row["paper"] or {}),
            ]
            for row in rows
        ],
    )


def _errors(row: Mapping) -> list[str]:
    forms = {"train_top1_error": "", "top1_error": "", "top5_error": "", "change": "+"}
    return [
        "–" if row.get(key) is None else f"{100 * row[key]:{sign}.1f}"
        for key, sign in forms.items()
    ]


def _verdict(pairs: Mapping) -> str:
    total = sum(len(pairs[key]) for key in ("agreeing", "reversed", "undecided"))
    text = (
        f"Of {total} pairs of rows, {len(pairs['agreeing'])} stand in the paper's "
        f"order, {len(pairs['reversed'])} in the opposite one, and "
        f"{len(pairs['undecided'])} lie too near to each other to tell."
    )
    names = [f"{a} before {b}" for a, b in pairs["reversed"]]
    return text + (f" Opposite: {'; '.join(names)}." if names else "")
