"""How the command of a figure runs: settings, measuring, pictures, record."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visualize.figures.figure import Figure
from zfkeras.cli import arguments, command
from zfkeras.records import Record
from zfkeras.records.settings import add_settings, read_settings, settings_to_json

if TYPE_CHECKING:  # it imports TensorFlow, for which --help does not wait
    from zfkeras.passes.context import Context


def build_figure_parser(figure: Figure) -> argparse.ArgumentParser:
    """The flags of a figure's settings, and --workdir."""
    parser = arguments.make_parser(f"visualize.{figure.key}", figure.description)
    add_settings(parser, figure.settings)
    arguments.add_workdir(parser, default=f"runs/{figure.key}")
    return parser


def run_figure(figure: Figure, argv: Sequence[str] | None = None) -> int:
    """Runs the command of a figure; returns its exit code."""

    def work(args):
        from zfkeras.passes.context import Context

        settings = read_settings(figure.settings, args)
        record, written = make_figure(figure, Context(args.workdir), settings)
        print(record.to_text())
        print(f"results in {', '.join(map(str, written))}")

    return command.run(build_figure_parser(figure), work, argv)


def make_figure(
    figure: Figure, context: "Context", settings: Any, made_with: str | None = None
) -> tuple[Record, list[Path]]:
    """Measures a figure and writes pictures and JSON; returns what it has written.

    The JSON is written last: a figure whose JSON is there is whole. `made_with` names
    all that the figure depends on.
    """
    from zfkeras.io.provenance import write_results
    from zfkeras.plots import save_figure

    record = figure.measure(context, settings)
    written = [context.workdir / name for name in record.pictures]
    for path, picture in zip(written, record.pictures.values(), strict=True):
        if picture is not None:
            save_figure(picture, path)
    contents = {
        **record.to_json(),
        "settings": settings_to_json(settings),
        "made_with": made_with,
    }
    written.append(write_results(context.workdir, figure.key, contents))
    return record, written
