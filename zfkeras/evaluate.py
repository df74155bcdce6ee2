"""`python -m zfkeras.evaluate`: top-1 and top-5 error of one model or several."""

import argparse
import sys
from pathlib import Path

from zfkeras.cli import arguments, command, settings

DEFAULT_MODELS = [arguments.DEFAULT_MODEL]


def build_parser() -> argparse.ArgumentParser:
    """Builds the parser of the command's arguments."""
    parser = arguments.make_parser(
        "zfkeras.evaluate",
        "Measure the top-1 and top-5 error of one network or of several together. "
        "The probabilities of several are averaged. The paper's row of Table 2 is "
        "printed beside the errors.",
    )
    parser.add_argument(
        "--model",
        action="append",
        metavar="MODEL",
        help="preset or .keras file; give it several times to average several networks "
        "(default: quarter, the network in the box)",
    )
    settings.add(parser, data=settings.some_data(), split=settings.a_split())
    parser.add_argument(
        "--ten-crop",
        action="store_true",
        help="also average over four corners, centre and their mirror images",
    )
    settings.add(
        parser,
        batch_size=settings.batch_size(128),
        max_bad_fraction=settings.max_bad_fraction(),
    )
    parser.add_argument(
        "--workdir",
        type=Path,
        metavar="DIR",
        help="folder for evaluation.json and evaluation.md; without it, only printed",
    )
    return parser


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return command.run(build_parser(), _evaluate, argv)


def _evaluate(args):
    from zfkeras.data.files.bad_images import BadImages
    from zfkeras.data.register import open_source
    from zfkeras.io.files import written_whole
    from zfkeras.io.provenance import write_results
    from zfkeras.models.presets import load
    from zfkeras.training import ensemble

    source = open_source(args.data)
    source.check_one_class_each()
    args.split = source.split_name(args.split)
    split = source.split(args.split)
    names = args.model or DEFAULT_MODELS
    classifiers = [load(name) for name in names]
    if args.workdir is not None:
        command.make_folder(args.workdir)
    bad_images = BadImages(split.num_examples, args.max_bad_fraction)
    results = ensemble.evaluate(
        classifiers,
        source,
        split,
        batch_size=args.batch_size,
        ten_crop=args.ten_crop,
        bad_images=bad_images,
    )
    table = ensemble.as_table(results)
    print(table)
    if args.workdir is None:
        return
    record = {**results, "data": args.data, "split": args.split, "model": names}
    write_results(args.workdir, "evaluation", record)
    with written_whole(args.workdir / "evaluation.md", "w") as file:
        file.write(table + "\n")
    print(f"results in {args.workdir}/evaluation.json and evaluation.md")


if __name__ == "__main__":
    sys.exit(main())
