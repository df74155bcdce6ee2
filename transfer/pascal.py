"""`python -m transfer.pascal`: heads on a network's layers, on PASCAL VOC (Table 6)."""

import argparse
import sys

from transfer.experiments.arguments import add_features, add_layers, add_published_data
from zfkeras.cli import arguments, command


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = arguments.make_parser(
        "transfer.pascal",
        "Train heads for PASCAL VOC and report average precision (Table 6). The heads "
        "are trained on a layer of a trained network; average precision is reported "
        "class by class beside the paper's, by three definitions. Difficult objects "
        "count neither in training nor in the test.",
    )
    add_published_data(parser, "voc2012, else voc2007")
    arguments.add_model(parser)
    add_layers(parser)
    parser.add_argument(
        "--head",
        choices=("softmax", "svm", "both"),
        default="both",
        help="softmax: one over all classes, as in the paper, each image labelled by "
        "the rarest class it shows; svm: one linear machine a class",
    )
    parser.add_argument(
        "--train-split",
        metavar="NAME",
        help="what to learn from (default: trainval if test is labelled, else train)",
    )
    parser.add_argument(
        "--test-split",
        metavar="NAME",
        help="what to test on (default: test where it is labelled, else validation; "
        "the labels of VOC 2012's test images are not public)",
    )
    arguments.add_batch_size(parser, default=128)
    arguments.add_seed(parser)
    add_features(parser)
    arguments.add_workdir(parser, default="runs/pascal")
    return parser


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return command.run(build_parser(), _pascal, argv)


def _pascal(args):
    from transfer.experiments.pascal import HEADS, PascalExperiment
    from transfer.features.cache import default_cache
    from transfer.reports.pascal import as_table, write
    from zfkeras.data.published.obtaining import obtain_data
    from zfkeras.io.provenance import write_results

    args.data = obtain_data(args.data, ["voc2012", "voc2007"], download=args.download)
    command.make_folder(args.workdir)
    experiment = PascalExperiment(
        data=args.data,
        model=args.model,
        layers=args.layer,
        heads=HEADS if args.head == "both" else (args.head,),
        train_split=args.train_split,
        test_split=args.test_split,
        seed=args.seed,
        batch_size=args.batch_size,
        cache=args.cache or default_cache(),
        dtype=args.feature_dtype,
        max_bad_fraction=args.max_bad_fraction,
    )
    results = experiment.run(args.workdir / "pascal.json")
    record = write_results(args.workdir, "pascal", results)
    print(as_table(results))
    written = [record, *write(results, args.workdir)]
    print(f"results in {', '.join(str(path) for path in written)}")


if __name__ == "__main__":
    sys.exit(main())
