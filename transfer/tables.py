"""`python -m transfer.tables`: Tables 4 to 7 and Fig. 9, the paper beside ours."""

import argparse
import sys

from transfer.experiments.arguments import (
    add_download,
    add_features,
    add_whole_networks,
)
from zfkeras.cli import arguments, command

TABLES = ("4", "5", "6", "7", "fig9")


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = arguments.make_parser(
        "transfer.tables",
        "Reproduce Tables 4 to 7 and Fig. 9 of the paper. They are Caltech-101, "
        "Caltech-256, PASCAL VOC, layer by layer, and accuracy by number of images. "
        "The same command resumes what was stopped; finished rows are not measured "
        "again.",
    )
    parser.add_argument(
        "--data",
        action="append",
        metavar="SPEC",
        help="caltech101:PATH, caltech256:PATH, voc2012:PATH or voc2007:PATH, or "
        "tfds:caltech101, tfds:voc/2012, tfds:voc/2007; once for each set there is "
        "(default: every one that is found, voc2012 before voc2007)",
    )
    add_download(parser)
    arguments.add_model(parser)
    parser.add_argument(
        "--tables",
        type=_tables,
        default=",".join(TABLES),
        metavar="LIST",
        help="which, with commas between; those without data are left out",
    )
    parser.add_argument(
        "--folds",
        type=arguments.positive_int,
        default=5,
        metavar="N",
        help="random divisions of the Caltech sets",
    )
    add_whole_networks(parser, "the rows of Tables 4 and 5")
    arguments.add_batch_size(parser, default=128)
    arguments.add_seed(parser)
    add_features(parser)
    arguments.add_workdir(parser, default="runs/tables")
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
    return command.run(build_parser(), _make_tables, argv)


def _make_tables(args):
    from transfer.experiments.tables import TableRun
    from transfer.features.cache import default_cache
    from transfer.reports.tables import as_text, draw
    from zfkeras.io.files import written_whole
    from zfkeras.io.provenance import write_results

    run = TableRun(
        data=_by_set(_obtain(args)),
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
    command.make_folder(args.workdir)
    text_file = args.workdir / "tables.md"
    results = {}
    for name, table in run.run(args.workdir):
        results[name] = table
        contents = {"model": args.model, "tables": results}
        record = write_results(args.workdir, "tables", contents)
    text = as_text(results)
    with written_whole(text_file, "w") as file:
        file.write(text + "\n")
    print(text)
    written = [record, text_file, *draw(results, args.workdir)]
    print(f"results in {', '.join(str(path) for path in written)}")


def _obtain(args) -> list[str]:
    """The specs of the data, those that are given or all that are found."""
    from transfer.experiments.tables import NEEDS
    from zfkeras.data.published.obtaining import obtain_data, obtain_every

    if args.data is None:
        names = {"caltech101": [], "caltech256": [], "voc": ["voc2012", "voc2007"]}
        needed = {kind for table in args.tables for kind in NEEDS[table]}
        groups = [names[kind] or [kind] for kind in names if kind in needed]
        return obtain_every(groups, download=args.download)
    return [obtain_data(spec, [], download=args.download) for spec in args.data]


def _by_set(specs) -> dict[str, str]:
    """Kind of data set -> its spec, one of each."""
    from transfer.experiments.paper import data_set
    from zfkeras.errors import UsageError

    kinds = {
        "caltech101": "caltech101",
        "caltech256": "caltech256",
        "voc2007": "voc",
        "voc2012": "voc",
        "voc/2007": "voc",
        "voc/2012": "voc",
    }
    found = {}
    for spec in specs:
        kind = kinds.get(data_set(spec))
        if kind is None:
            raise UsageError(
                "--data must be one of caltech101:PATH, caltech256:PATH, voc2007:PATH, "
                "voc2012:PATH, tfds:caltech101, tfds:voc/2007, tfds:voc/2012. "
                f"Received: {spec!r}."
            )
        if kind in found:
            raise UsageError(
                f"--data must name each set once. Received: {found[kind]!r} "
                f"and {spec!r}."
            )
        found[kind] = spec
    return found


if __name__ == "__main__":
    sys.exit(main())
