"""What is measured by a command of its own: settings, a function, a record."""

import argparse
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zfkeras.cli import arguments, command, settings
from zfkeras.records import Record
from zfkeras.records.settings import (
    add_setting,
    add_settings,
    read_settings,
    settings_to_json,
)

if TYPE_CHECKING:  # it imports TensorFlow, for which --help does not wait
    from zfkeras.passes.context import Context


@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment:
    """A figure or a table: what its command takes, and how it is measured.

    Args:
        key: the name of its command, folder and record: "occlusion".
        package: the package of its command: "visualize".
        description: what `--help` says of it.
        settings: a frozen dataclass whose fields `zfkeras.records.setting` made.
        measure: takes a `zfkeras.passes.context.Context` and the settings, and returns
            a `zfkeras.records.Record`.
    """

    key: str
    package: str
    description: str
    settings: type
    measure: Callable[["Context", Any], Record]

    def build_parser(self) -> argparse.ArgumentParser:
        """Makes the flags of the settings, and --workdir."""
        name = f"{self.package}.{self.key}"
        parser = arguments.make_parser(name, self.description)
        add_settings(parser, self.settings)
        add_setting(parser, "workdir", settings.a_workdir(f"runs/{self.key}"))
        return parser

    def main(self, argv: Sequence[str] | None = None) -> int:
        """Runs the command; returns its exit code."""
        return command.run(self.build_parser(), self.run, argv)

    def measure_record(self, context: "Context", settings: Any) -> Record:
        """Calls `measure`; subclasses add to its record."""
        return self.measure(context, settings)

    def make(
        self, context: "Context", settings: Any, made_with: str | None = None
    ) -> tuple[Record, list[Path]]:
        """Measures and writes pictures, tables and JSON; returns what was written.

        The JSON is written last: a result whose JSON is there is whole. `made_with`
        names all that it depends on.
        """
        from zfkeras.io.files import written_whole
        from zfkeras.io.provenance import write_results

        record = self.measure_record(context, settings)
        written = [context.workdir / name for name in record.pictures]
        for path, picture in zip(written, record.pictures.values(), strict=True):
            if picture is not None:
                from zfkeras.plots import save_figure

                save_figure(picture, path)
        if record.tables:
            written.append(context.workdir / f"{self.key}.md")
            with written_whole(written[-1], "w") as file:
                file.write(f"{record.to_text()}\n")
        contents = {
            **record.to_json(),
            "settings": settings_to_json(settings),
            "made_with": made_with,
        }
        written.append(write_results(context.workdir, self.key, contents))
        return record, written

    def run(self, args: argparse.Namespace) -> None:
        """Does what the arguments say and prints what was found."""
        from zfkeras.passes.context import Context

        settings = read_settings(self.settings, args)
        record, written = self.make(Context(args.workdir), settings)
        print(record.to_text())
        print(f"results in {', '.join(map(str, written))}")
