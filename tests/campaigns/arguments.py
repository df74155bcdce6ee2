"""The arguments that the campaigns share."""

import argparse

from zfkeras.cli import arguments, settings


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
    settings.add(
        parser, seed=settings.a_seed(), workdir=settings.a_workdir(f"runs/{name}")
    )
    return parser
