"""`python -m zfkeras.ablation`: Table 3 under one short, equal budget."""

import argparse
import sys

from zfkeras.cli import arguments, command, settings

BASES = ("zfnet_quarter", "alexnet_quarter", "zfnet", "alexnet")


def build_parser() -> argparse.ArgumentParser:
    """Builds the parser of the command's arguments."""
    parser = arguments.make_parser(
        "zfkeras.ablation",
        "Train the rows of Table 3 under one budget and compare their errors. All rows "
        "have one recipe and start from random weights. The paper's errors are printed "
        "beside, and whether its order holds. The same command resumes what was "
        "stopped; finished rows are not trained again.",
    )
    settings.add(
        parser, data=settings.some_data(), workdir=settings.a_workdir("runs/ablation")
    )
    parser.add_argument(
        "--base", choices=BASES, default=BASES[0], help="the full network"
    )
    parser.add_argument(
        "--changes",
        metavar="NAMES",
        help="which rows besides the full network, with commas between: without_3_4, "
        "without_7, without_6_7, without_3_4_6_7, fc_half, fc_double, b (layers 3-5 "
        "widened), b_fc_double (default: all)",
    )
    parser.add_argument(
        "--config",
        default="zfnet_quarter_tiny_imagenet",
        metavar="NAME",
        help="the recipe, an experiment in zfkeras/configs",
    )
    parser.add_argument(
        "--num-classes",
        type=arguments.positive_int,
        metavar="N",
        help="keep the first N classes only (default: all)",
    )
    parser.add_argument(
        "--epochs",
        type=arguments.positive_int,
        default=8,
        metavar="N",
        help="passes over the training images, for each row",
    )
    settings.add(parser, seed=settings.a_seed())
    parser.add_argument(
        "--mixed-precision",
        choices=("float16", "bfloat16"),
        help="compute in half precision, keep weights in float32 (default: float32)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="assignments",
        help="change a setting of the recipe for every row, as in zfkeras.train",
    )
    return parser


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return command.run(build_parser(), _ablate, argv)


def _ablate(args):
    from zfkeras.io.files import written_whole
    from zfkeras.io.provenance import write_results
    from zfkeras.plots.ablation import draw_ablation
    from zfkeras.training.ablation import as_table, run_ablation

    config, variants = _recipe(args), _variants(args)
    command.make_folder(args.workdir)
    results = run_ablation(config, variants, args.workdir)
    table = as_table(results)
    print(table)
    write_results(args.workdir, "ablation", results)
    with written_whole(args.workdir / "ablation.md", "w") as file:
        file.write(table + "\n")
    budget = results["budget"]
    classes = budget["num_classes"] or "all"
    draw_ablation(
        [
            {**row, "paper_change": row["paper"] and row["paper"]["change"]}
            for row in results["rows"]
            if row["variant"] != args.base
        ],
        args.workdir / "ablation.png",
        f"Table 3, {args.base}: {classes} classes, {budget['epochs']} epochs a row, "
        f"{budget['validation_images']} validation images",
    )
    print(f"results in {args.workdir}/ablation.json, ablation.md and ablation.png")


def _recipe(args):
    from zfkeras import configs
    from zfkeras.errors import UsageError
    from zfkeras.training.config import with_overrides

    if any(word.startswith("model.variant=") for word in args.assignments):
        raise UsageError("--set model.variant: --base and --changes choose the rows.")
    given = [f"data.source={args.data}", f"epochs={args.epochs}", f"seed={args.seed}"]
    given += ["snapshot_epochs=", "model.weights=none"]  # rows start alike: at random
    if args.num_classes is not None:
        given.append(f"data.num_classes={args.num_classes}")
    if args.mixed_precision:
        given.append(f"mixed_precision={args.mixed_precision}")
    return with_overrides(configs.get_config(args.config), given + args.assignments)


def _variants(args) -> list[str]:
    """Returns the full network first, then the changes in Table 3's order."""
    from zfkeras.errors import UsageError
    from zfkeras.models.variants import rows_of

    full, *changed = rows_of(args.base)
    known = [variant.change for variant in changed]
    wanted = known if args.changes is None else args.changes.split(",")
    for change in wanted:
        if change not in known:
            raise UsageError(
                f"--changes must be some of {', '.join(known)}. Received: {change!r}."
            )
    return [full.name, *(v.name for v in changed if v.change in wanted)]


if __name__ == "__main__":
    sys.exit(main())
