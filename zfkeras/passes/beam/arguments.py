"""What the commands for clusters take beside what every command takes."""

import argparse

from zfkeras.cli import arguments

SHARD_SIZE = 1024


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """Adds --shard-size, --exchange, and Beam's own options behind a --."""
    parser.add_argument(
        "--shard-size",
        type=arguments.positive_int,
        default=SHARD_SIZE,
        metavar="N",
        help="images that a worker takes on at once, rounded up to whole batches",
    )
    parser.add_argument(
        "--exchange",
        metavar="FOLDER",
        help="where workers leave what they find: a folder that they and this process "
        "reach, also gs://..., s3://... or hdfs://... as Beam knows them (default: "
        "exchange in --workdir)",
    )
    parser.add_argument(
        "beam",
        nargs="*",
        metavar="BEAM OPTION",
        help="options of Apache Beam, behind a --, such as -- --runner DataflowRunner "
        "--project NAME (default: one process here)",
    )
