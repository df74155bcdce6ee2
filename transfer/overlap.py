"""`python -m transfer.overlap`: lists the images that two data sets share."""

import argparse
import sys
import time

from zfkeras.cli import arguments, command, settings

# transfer.protocols.overlap has the reason; --help must not wait for NumPy.
THRESHOLD = 0.9


def build_parser() -> argparse.ArgumentParser:
    """Builds the parser of the command's arguments."""
    parser = arguments.make_parser(
        "transfer.overlap",
        "Find the images of one data set that another one holds, too. The workdir "
        "holds a list of pairs that are nearly unchanged and a picture of them. Those "
        "of --against are the ones to leave out of training.",
    )
    settings.add(parser, data=settings.some_data(), split=settings.a_split("train"))
    parser.add_argument(
        "--against",
        required=True,
        metavar="SPEC",
        help="the images to look among, such as a network's training set; as --data",
    )
    parser.add_argument(
        "--against-split",
        metavar="NAME",
        help="which split of --against (default: train, or the only one there is)",
    )
    parser.add_argument(
        "--threshold",
        type=arguments.fraction,
        default=THRESHOLD,
        metavar="N",
        help="least correlation (0-1) of two images that count as one",
    )
    parser.add_argument(
        "--plain",
        action="store_true",
        help="correlate the pixels themselves, without subtracting the mean of their "
        "surround; finds most skies alike",
    )
    settings.add(
        parser,
        max_bad_fraction=settings.max_bad_fraction(),
        workdir=settings.a_workdir("runs/overlap"),
    )
    return parser


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return command.run(build_parser(), _run, argv)


def _run(args):
    from tqdm import tqdm

    from transfer.protocols.overlap import SIZE, SURROUND, find_overlap
    from transfer.reports.overlap import write_report
    from zfkeras.data.files.bad_images import BadImages
    from zfkeras.data.register import open_source

    source, against = open_source(args.data), open_source(args.against)
    args.split = source.split_name(args.split, "train")
    args.against_split = against.split_name(args.against_split, "train")
    split_a, split_b = source.split(args.split), against.split(args.against_split)
    command.make_folder(args.workdir)
    total = split_a.num_examples + split_b.num_examples
    bad_images = BadImages(total, args.max_bad_fraction)
    surround = None if args.plain else SURROUND
    begin = time.perf_counter()
    with tqdm(total=total, unit="image", desc="comparing") as bar:
        overlap = find_overlap(
            split_a,
            split_b,
            args.threshold,
            surround=surround,
            bad_images=bad_images,
            progress=bar.update,
        )
    seconds = time.perf_counter() - begin
    settings = {
        "data": args.data,
        "split": args.split,
        "against": args.against,
        "against_split": args.against_split,
        "threshold": args.threshold,
        "size": SIZE,
        "surround": surround,
        "seconds": round(seconds, 1),
        "bad_images": bad_images.to_json(),
    }
    write_report(overlap, source, split_a, split_b, settings, args.workdir)
    print(
        f"{len(overlap.ids_a)} of {overlap.num_a} images are in both "
        f"({len(overlap.pairs)} pairs); {seconds:.0f} s"
    )
    print(f"results in {args.workdir}/overlap.json and overlap.png")
    if overlap.ids_b:
        print(
            f"to train without them, add --data {args.against} --set data.leave_out="
            f"{args.workdir}/leave_out.txt to the command of the training"
        )


if __name__ == "__main__":
    sys.exit(main())
