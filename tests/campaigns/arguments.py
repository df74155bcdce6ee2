"""The arguments that the campaigns share."""

import argparse

from zfkeras import commandline


def campaign_parser(
    name: str, text: str, tries: int, what: str, *, has_only: bool = True
) -> argparse.ArgumentParser:
    """A campaign's parser with --tries, --only, --seed and --workdir."""
    parser = commandline.make_parser(f"tests.campaigns.{name}", text)
    parser.add_argument(
        "--tries",
        type=commandline.positive_int,
        default=tries,
        metavar="N",
        help=what,
    )
    if has_only:
        parser.add_argument(
            "--only", metavar="NAME", help="one of the commands (default: all)"
        )
    commandline.add_seed(parser)
    commandline.add_workdir(parser, default=f"runs/{name}")
    return parser
