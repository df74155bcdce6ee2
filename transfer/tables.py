"""`python -m transfer.tables`: Tables 4 to 7 and Fig. 9, the paper beside ours."""

import argparse
import sys

from transfer.arguments import add_features, add_whole_networks
from zfkeras import commandline

TABLES = ("4", "5", "6", "7", "fig9")


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = commandline.make_parser(
        "transfer.tables",
        "Reproduce the paper's Tables 4 (Caltech-101), 5 (Caltech-256), 6 (PASCAL VOC) "
        "and 7 (layer by layer), and Fig. 9 (accuracy by number of images), with the "
        "data sets that are given. The same command resumes what was stopped; finished "
        "rows are not measured again.",
    )
    parser.add_argument(
        "--data",
        action="append",
        required=True,
        metavar="SPEC",
        help="caltech101:PATH, caltech256:PATH, voc2012:PATH or voc2007:PATH; once for "
        "each set there is",
    )
    commandline.add_model(parser)
    parser.add_argument(
        "--tables",
        type=_tables,
        default=",".join(TABLES),
        metavar="LIST",
        help="which, with commas between; those without data are left out",
    )
    parser.add_argument(
        "--folds",
        type=commandline.positive_int,
        default=5,
        metavar="N",
        help="random divisions of the Caltech sets",
    )
    add_whole_networks(parser, "the rows of Tables 4 and 5")
    commandline.add_batch_size(parser, default=128)
    commandline.add_seed(parser)
    add_features(parser)
    commandline.add_workdir(parser, default="runs/tables")
    return parser


def _tables(text: str) -> tuple[str, ...]:
    """Reads 4,5,fig9 for argparse."""
    words = tuple(dict.fromkeys(text.split(",")))
    for word in words:
        if word not in TABLES:
            raise argparse.ArgumentTypeError(
                f"must be some of {', '.join(TABLES)}. Received: {word}"
            )
    return words


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return commandline.run(build_parser(), _make_tables, argv)


def _make_tables(args):
    from transfer.feature_cache import default_cache
    from transfer.tables_report import as_text, draw
    from transfer.tables_run import TableRun
    from zfkeras.files import written_whole
    from zfkeras.provenance import write_record

    run = TableRun(
        data=_by_set(args.data),
        model=args.model,
        tables=args.tables,
        n_folds=args.folds,
        from_scratch=args.from_scratch,
        fine_tune=args.fine_tune,
        seed=args.seed,
        batch_size=args.batch_size,
        cache=args.cache or default_cache(),
        dtype=args.feature_dtype,
        max_bad_fraction=args.max_bad_fraction,
    )
    run.check()
    commandline.make_folder(args.workdir)
    record, text_file = args.workdir / "tables.json", args.workdir / "tables.md"
    results = {}
    for name, table in run.run(args.workdir):
        results[name] = table
        write_record(record, {"model": args.model, "tables": results})
    text = as_text(results)
    with written_whole(text_file, "w") as file:
        file.write(text + "\n")
    print(text)
    written = [record, text_file, *draw(results, args.workdir)]
    print(f"results in {', '.join(str(path) for path in written)}")


def _by_set(specs) -> dict[str, str]:
    """Kind of data set -> its spec, one of each."""
    from zfkeras.errors import UsageError

    kinds = {
        "caltech101": "caltech101",
        "caltech256": "caltech256",
        "voc2007": "voc",
        "voc2012": "voc",
    }
    found = {}
    for spec in specs:
        prefix = spec.partition(":")[0]
        if prefix not in kinds:
            raise UsageError(
                f"--data must be one of {', '.join(f'{k}:PATH' for k in kinds)}. "
                f"Received: {spec!r}."
            )
        if kinds[prefix] in found:
            raise UsageError(
                f"--data must name each set once. Received: {found[kinds[prefix]]!r} "
                f"and {spec!r}."
            )
        found[kinds[prefix]] = spec
    return found


if __name__ == "__main__":
    sys.exit(main())
