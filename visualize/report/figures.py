"""How a figure of the report is made, and when an old one still serves.

It calls the figures' own functions; it reads no results and writes no page.
"""

import argparse
import contextlib
import dataclasses
import importlib
import io
from collections.abc import Callable, Mapping
from pathlib import Path

from zfkeras.io.files import crc32, read_json_again, warn_of_damage, write_json

_MADE_WITH = "made-with.json"
_FILES = "files"  # their checksums, in it


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure that `visualize.KEY` makes, with a folder KEY and a record KEY.json.

    `arguments` turns the report's arguments into the command's, without --workdir, or
    raises `UsageError`; `reads` names the files given by the user that it depends on
    (keys of `look_at_given`); `pictures` are file names, in order.
    """

    key: str
    title: str
    arguments: Callable[[argparse.Namespace], list[str]]
    reads: tuple[str, ...]
    pictures: tuple[str, ...]

    def make(
        self, request: argparse.Namespace, inputs: str, given: Mapping[str, str]
    ) -> Path:
        """Makes the figure, unless an old one serves; returns its record's path."""
        arguments = self.arguments(request)
        folder = request.workdir / self.key
        made_with = {
            "arguments": arguments,
            "network and images": inputs,
            "given": {name: given[name] for name in self.reads if name in given},
        }

        def run():
            module = importlib.import_module(f"visualize.{self.key}")
            words = [*arguments, f"--workdir={folder}"]
            with contextlib.redirect_stdout(io.StringIO()):
                module.make_figure(module.build_parser().parse_args(words))

        return make_once(folder, f"{self.key}.json", made_with, run, request.overwrite)


def make_once(
    folder: Path, record: str, made_with: dict, run: Callable[[], object], again: bool
) -> Path:
    """Calls `run` unless the folder holds a whole figure made with the same settings.

    `again` makes it in any case, and repeats the passes over the images that
    `visualize.strongest.scan_state` keeps: its key does not see images that changed
    under their names. Returns the path of the record, the JSON file that `run` writes
    last.
    """
    marker = folder / _MADE_WITH
    if not again and _serves(folder, record, marker, made_with):
        return folder / record
    marker.unlink(missing_ok=True)
    if again:
        for scan in [*folder.rglob("*.npz")]:
            scan.unlink()
    run()
    # Hidden ones are locks and what killed processes left.
    files = (path for path in folder.rglob("[!.]*") if path.is_file())
    files = {str(path.relative_to(folder)): crc32(path) for path in files}
    write_json(marker, {**made_with, _FILES: files})
    return folder / record


def _serves(folder: Path, record: str, marker: Path, made_with: dict) -> bool:
    """Whether what lies in a folder was made with these settings and is whole."""
    again = "making the figure anew"
    known = read_json_again(marker, again)
    if not isinstance(known, dict) or record not in (files := known.pop(_FILES, {})):
        return False
    if known != made_with:
        return False
    for name, checksum in files.items():
        path = folder / name
        if not path.is_file() or crc32(path) != checksum:
            warn_of_damage(path, "it has changed or is gone", again)
            return False
    return True
