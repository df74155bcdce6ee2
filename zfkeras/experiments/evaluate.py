"""Table 2: top-1 and top-5 error of one network, or of several averaged."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from zfkeras.cli import settings
from zfkeras.passes.experiment import Experiment
from zfkeras.records import Record, Table

PAPER = {
    "figure": "Table 2",
    "claim": "Table 2: on ImageNet's validation set one network of Fig. 3 has a top-1 "
    "error of 38.4 % and a top-5 error of 16.5 %; five of them averaged have 36.7 % "
    "and 15.3 %.",
}
# Networks whose probabilities are averaged -> the paper's row and its errors.
_ENSEMBLES = {
    (("zfnet", 5),): ("5 networks of Fig. 3", 0.367, 0.153),
    (("zfnet", 5), ("zfnet_b", 1)): (
        "5 networks of Fig. 3 and one with 512, 1024, 512 maps",
        0.360,
        0.147,
    ),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluateSettings(settings.ModelsSettings):
    """The settings of Table 2."""

    data: str = settings.some_data()
    split: str | None = settings.a_split()
    ten_crop: bool = settings.ten_crop()
    batch_size: int = settings.batch_size(128)
    max_bad_fraction: float = settings.max_bad_fraction()


def measure(context, settings: EvaluateSettings) -> Record:
    """Counts the wrong answers of the networks' averaged probabilities."""
    from zfkeras.data.files.bad_images import BadImages
    from zfkeras.training.ensemble import evaluate

    source = context.source(settings.data)
    source.check_one_class_each()
    split_name = source.split_name(settings.split)
    split = source.split(split_name)
    classifiers = context.classifiers(settings.names, settings)
    context.claim_workdir()
    results = evaluate(
        classifiers,
        source,
        split,
        batch_size=settings.batch_size,
        ten_crop=settings.ten_crop,
        bad_images=BadImages(split.num_examples, settings.max_bad_fraction),
    )
    about = {"models": [*settings.names], "data": settings.data, "split": split_name}
    return evaluation_record({**about, **results})


def evaluation_record(results: Mapping[str, Any]) -> Record:
    """Makes the record, the paper's row beside the errors."""
    paper = paper_row(results["networks"])
    return Record({**PAPER, "row": paper}, [], results, [error_table(results, paper)])


def paper_row(names: Sequence[str]) -> dict | None:
    """Returns the paper's errors for networks of these names, averaged."""
    from zfkeras.models.variants import VARIANTS

    counts = tuple(sorted(Counter(names).items()))
    if counts in _ENSEMBLES:
        label, top1_error, top5_error = _ENSEMBLES[counts]
    elif len(names) == 1 and getattr(VARIANTS.get(names[0]), "paper", None):
        row, label = VARIANTS[names[0]].paper, f"{names[0]}, one network, ImageNet"
        top1_error, top5_error = row.top1_error, row.top5_error
    else:
        return None
    return {"label": label, "top1_error": top1_error, "top5_error": top5_error}


def error_table(results: Mapping[str, Any], paper: Mapping | None) -> Table:
    """Makes a table with a row for each way to answer."""
    networks = " + ".join(
        name if count == 1 else f"{count} x {name}"
        for name, count in Counter(results["networks"]).items()
    )
    ways = {
        way.replace("_", " "): results[way]
        for way in ("centre_crop", "ten_crop")
        if way in results
    }
    if paper:
        ways[f"paper: {paper['label']}"] = paper
    rows = [
        [label, *(f"{100 * rates[key]:.2f}" for key in ("top1_error", "top5_error"))]
        for label, rates in ways.items()
    ]
    return Table(
        f"Error in percent on {results['num_images']:,} images",
        [networks, "top-1", "top-5"],
        rows,
    )


EVALUATE = Experiment(
    key="evaluate",
    package="zfkeras",
    description="Measure the top-1 and top-5 error of one network or of several "
    "together. The probabilities of several are averaged. The paper's row of Table 2 "
    "stands beside the errors.",
    settings=EvaluateSettings,
    measure=measure,
)
