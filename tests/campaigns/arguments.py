"""The arguments that the campaigns share."""

import argparse

from zfkeras.cli import arguments, settings
from zfkeras.records.settings import add_setting


def campaign_parser(
    name: str, text: str, tries: int, what: str, *, has_only: bool = True
) -> argparse.ArgumentParser:
    """A campaign's parser with --tries, --only, --seed and --workdir."""
    parser = arguments.make_parser(f"tests.campaigns.{name}", text)
    parser.add_argument(
        "--tries",
        type=arguments.positive_int,
        default=tries,
        metavar="N",
        help=what,
    )
    if has_only:
        parser.add_argument(
            "--only", metavar="NAME", help="one of the commands (default: all)"
        )
    add_setting(parser, "seed", settings.a_seed())
    add_setting(parser, "workdir", settings.a_workdir(f"runs/{name}"))
    return parser
