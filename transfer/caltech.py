"""`python -m transfer.caltech`: heads on a network's layers, on Caltech-101 or -256."""

import argparse
import sys

from transfer.experiments.arguments import (
    add_features,
    add_layers,
    add_published_data,
    add_whole_networks,
    number_list,
)
from zfkeras.cli import arguments, command


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = arguments.make_parser(
        "transfer.caltech",
        "Train a linear head on a few images per class (Tables 4, 5 and 7). The head "
        "is trained on a layer of a trained network, and its mean per-class accuracy "
        "over folds is reported beside the paper's. Features are computed once and "
        "kept.",
    )
    add_published_data(parser, "caltech101")
    arguments.add_model(parser)
    add_layers(parser, "the rows of Table 7")
    parser.add_argument(
        "--head",
        choices=("svm", "softmax"),
        help="linear SVM, one against rest, or softmax (default: svm; with --layer all "
        "those of Table 7)",
    )
    parser.add_argument(
        "--n-train-per-class",
        type=number_list,
        default="30",
        metavar="LIST",
        help="training images of each class, several with commas between",
    )
    parser.add_argument(
        "--folds",
        type=arguments.positive_int,
        default=5,
        metavar="N",
        help="random divisions into training and test images",
    )
    parser.add_argument(
        "--no-background",
        action="store_true",
        help="leave out the clutter class (BACKGROUND_Google, 257.clutter), which "
        "counts as one of the classes otherwise",
    )
    parser.add_argument(
        "--random",
        action="store_true",
        help="also measure the same network with random weights",
    )
    add_whole_networks(parser)
    arguments.add_batch_size(parser, default=128)
    arguments.add_seed(parser)
    add_features(parser)
    arguments.add_workdir(parser, default="runs/caltech")
    return parser


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return command.run(build_parser(), _caltech, argv)


def _caltech(args):
    from transfer.experiments.caltech import CaltechExperiment
    from transfer.features.cache import default_cache
    from transfer.reports.caltech import as_table, draw, write
    from zfkeras.data.published.obtaining import obtain_data
    from zfkeras.io.provenance import write_results

    args.data = obtain_data(args.data, ["caltech101"], download=args.download)
    command.make_folder(args.workdir)
    experiment = CaltechExperiment(
        data=args.data,
        model=args.model,
        rows=_rows(args),
        n_train_per_class=args.n_train_per_class,
        n_folds=args.folds,
        with_background=not args.no_background,
        with_random=args.random,
        seed=args.seed,
        batch_size=args.batch_size,
        cache=args.cache or default_cache(),
        dtype=args.feature_dtype,
        max_bad_fraction=args.max_bad_fraction,
        by_layer=args.layer is None,
    )
    results = experiment.run(args.workdir / "caltech.json")
    if args.from_scratch or args.fine_tune:
        results |= _whole_networks(args)
    write_results(args.workdir, "caltech", results)
    print(as_table(results))
    written = [write(results, args.workdir), *draw(results, args.workdir)]
    print(f"results in {', '.join(str(path) for path in written)}")


def _whole_networks(args) -> dict[str, list[dict]]:
    """The rows of the networks all of whose layers learn."""
    from transfer.experiments.whole_network import whole_networks
    from zfkeras.data.register import open_source
    from zfkeras.models.presets import load

    arms = whole_networks(
        args.model,
        args.from_scratch,
        args.fine_tune,
        n_train_per_class=args.n_train_per_class,
        n_folds=args.folds,
        with_background=not args.no_background,
        seed=args.seed,
        batch_size=args.batch_size,
        max_bad_fraction=args.max_bad_fraction,
    )
    source, classifier = open_source(args.data), load(args.model)
    return {arm.name: arm.run(source, classifier, args.workdir) for arm in arms}


def _rows(args) -> list[tuple[str, int | str]]:
    """The (head, layer) of each row."""
    from transfer.experiments.layers import table_7
    from zfkeras.models.presets import load

    if args.layer is None:
        rows = table_7(load(args.model).model)
        return [row for row in rows if args.head in (None, row[0])]
    return [(args.head or "svm", layer) for layer in args.layer]


if __name__ == "__main__":
    sys.exit(main())
