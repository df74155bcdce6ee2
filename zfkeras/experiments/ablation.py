"""Table 3: what each part of the network contributes, under one short, equal budget."""

import dataclasses

from zfkeras.cli import settings
from zfkeras.passes.experiment import Experiment
from zfkeras.records import Record, setting

PAPER = {
    "figure": "Table 3",
    "claim": "Table 3 and sec. 5.1: taking out the fully connected layers or the two "
    "middle convolutions alone raises the error a little; taking out both ruins it. "
    "The depth matters.",
}
BASES = ("zfnet_quarter", "alexnet_quarter", "zfnet", "alexnet")


@dataclasses.dataclass(frozen=True, kw_only=True)
class AblationSettings:
    """The settings of Table 3."""

    data: str = settings.some_data()
    base: str = setting(BASES[0], choices=BASES, help="the full network")
    changes: str | None = setting(
        None,
        metavar="NAMES",
        help="which rows besides the full network, with commas between: without_3_4, "
        "without_7, without_6_7, without_3_4_6_7, fc_half, fc_double, b (layers 3-5 "
        "widened), b_fc_double (default: all)",
    )
    config: str = setting(
        "zfnet_quarter_tiny_imagenet",
        metavar="NAME",
        help="the recipe, an experiment in zfkeras/configs",
    )
    num_classes: int | None = settings.a_count(
        None, "keep the first N classes only (default: all)"
    )
    epochs: int = settings.a_count(8, "passes over the training images, for each row")
    seed: int = settings.a_seed()
    mixed_precision: str | None = settings.mixed_precision()
    assignments: tuple[str, ...] = settings.assignments(
        "change a setting of the recipe for every row, as in zfkeras.train"
    )


def measure(context, settings: AblationSettings) -> Record:
    """Trains each row by the same recipe and compares the errors."""
    from zfkeras.experiments.ablation_record import ablation_record
    from zfkeras.experiments.ablation_rows import train_rows

    config = _recipe(settings)
    return ablation_record(
        PAPER, config, train_rows(config, _variants(settings), context)
    )


def _recipe(settings):
    from zfkeras import configs
    from zfkeras.errors import UsageError
    from zfkeras.training.config import with_overrides, with_values

    if any(word.startswith("model.variant=") for word in settings.assignments):
        raise UsageError(
            argument="--set",
            received="model.variant",
            expected="another key: --base and --changes choose the rows",
        )
    given = {
        "data.source": settings.data,
        "data.num_classes": settings.num_classes,
        "epochs": settings.epochs,
        "seed": settings.seed,
        "mixed_precision": settings.mixed_precision,
        "snapshot_epochs": "",
        "model.weights": "none",  # rows start alike: at random
    }
    config = with_values(configs.get_config(settings.config), given)
    return with_overrides(config, settings.assignments)


def _variants(settings) -> list[str]:
    """Returns the full network first, then the changes in Table 3's order."""
    from zfkeras.errors import UsageError
    from zfkeras.models.variants import rows_of

    full, *changed = rows_of(settings.base)
    known = [variant.change for variant in changed]
    wanted = known if settings.changes is None else settings.changes.split(",")
    for change in wanted:
        if change not in known:
            raise UsageError(
                argument="--changes",
                received=change,
                expected=f"some of {', '.join(known)}",
            )
    return [full.name, *(v.name for v in changed if v.change in wanted)]


ABLATION = Experiment(
    key="ablation",
    package="zfkeras",
    description="Train the rows of Table 3 under one budget and compare their errors. "
    "All rows have one recipe and start from random weights. The paper's errors stand "
    "beside, and whether its order holds. The same command resumes what was stopped; "
    "finished rows are not trained again.",
    settings=AblationSettings,
    measure=measure,
)
