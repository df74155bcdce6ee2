"""`python -m zfkeras.prepare --data SPEC OUT`: images as squares that are read fast."""

import dataclasses
import sys
from pathlib import Path

from zfkeras.cli import settings
from zfkeras.cli.command import Command
from zfkeras.records import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrepareSettings:
    """What is prepared, and where it is written."""

    out: Path = setting(
        flag="out",
        type=Path,
        metavar="OUT",
        help="folder to write to; a rerun takes up what is there",
    )
    data: str = settings.some_data()
    size: int = settings.a_count(
        256,
        "side of the squares in pixels: 256 for zfnet and alexnet, 64 for the networks "
        "of a quarter of their size",
    )
    max_bad_fraction: float = settings.max_bad_fraction()


def prepare_data(settings: PrepareSettings) -> None:
    """Prepares all splits and prints how to use them."""
    from zfkeras.data.register import open_source
    from zfkeras.data.sources.prepared.preparing import prepare

    source = open_source(settings.data)
    prepared = prepare(source, settings.out, settings.size, settings.max_bad_fraction)
    for name, split in prepared.splits.items():
        print(f"{name}: {split.num_examples:,} images")
    print(f"use them with --data prepared:{settings.out}")


PREPARE = Command(
    module="zfkeras.prepare",
    description="Write a data set's images once as the squares that training reads: "
    "shorter side scaled to --size, centre cut out. Training from them needs a third "
    "of the processor time or less.",
    settings=PrepareSettings,
    work=prepare_data,
)
build_parser, main = PREPARE.build_parser, PREPARE.main

if __name__ == "__main__":
    sys.exit(main())
