"""The figures a report gathers: how each is made, and when an old one still serves.

It runs the other commands and remembers with what; it reads no results and writes no
page.
"""

import contextlib
import dataclasses
import importlib
import io
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from zfkeras import commandline
from zfkeras.errors import RunError, UsageError
from zfkeras.files import crc32, read_json_again, warn_of_damage, write_json

_MADE_WITH = "made-with.json"
_FILES = "files"  # their checksums, in it


@dataclasses.dataclass(frozen=True)
class Request:
    """What a report is asked for.

    Args:
        model: preset or path.
        fingerprint: of the network's weights and preprocessing, and of the images.
        data: spec of the images.
        split: which of its splits.
        workdir: of the report; every figure has a folder in it.
        layers: the paper's numbers or names of layers.
        channels: of each layer in the gallery.
        max_images: look at no more images than this; `None`: all.
        batch_size: images that go through the network at once.
        seed: fixes what is drawn.
        run: workdir of a training. `None`: there is none.
        compare: other networks whose filters stand beside this one's.
        images_given: photographs, or folders of them, for invariance and
            occlusion. Empty: images of the data.
        parts: file of the places of parts for correspondence. `None`: built-in shapes.
        parts_images: folder or zip of the images it speaks of. `None`: its own folder.
        given: argument -> digest of the files behind it.
        max_bad_fraction: share of the images, 0 to 1, that may be unreadable.
        quick: whether to make the costly figures small.
        overwrite: whether to make again what has been made.
    """

    model: str
    fingerprint: str
    data: str
    split: str
    workdir: Path
    layers: tuple[int | str, ...]
    channels: int
    max_images: int | None
    batch_size: int
    seed: int
    run: Path | None = None
    compare: tuple[str, ...] = ()
    images_given: tuple[Path, ...] = ()
    parts: Path | None = None
    parts_images: Path | None = None
    given: Mapping[str, str] = dataclasses.field(default_factory=dict)
    max_bad_fraction: float = 0.01
    quick: bool = False
    overwrite: bool = False

    def common(self) -> list[str]:
        """The arguments every command of a figure has."""
        return [f"--seed={self.seed}", f"--batch-size={self.batch_size}"]

    def images(self) -> list[str]:
        """The arguments that name the images."""
        return [f"--data={self.data}", f"--split={self.split}"]

    def whole_images(self) -> list[str]:
        """The arguments that name images which show whole objects, for Fig. 5 and 7."""
        if self.data == "photographs":
            return ["--data=photographs:whole"]
        return self.images()

    def photographs(self) -> list[str]:
        """The arguments that name photographs, if there are any."""
        return ["--images", *map(str, self.images_given)] if self.images_given else []

    def one_pass(self) -> list[str]:
        """The arguments of a pass over the images."""
        words = [f"--max-bad-fraction={self.max_bad_fraction}"]
        if self.max_images is not None:
            words.append(f"--max-images={self.max_images}")
        return words


class Unavailable(Exception):
    """A figure that cannot be made with what was given; the message says why."""


@dataclasses.dataclass(frozen=True)
class Figure:
    """One figure of the paper, made by a command of this package.

    Args:
        key: its folder in the report's workdir and its anchor in the page.
        title: its heading.
        module: of the command.
        record: name of its JSON file.
        pictures: names of its pictures, in order, or patterns of them.
        arguments: from a request to the command's arguments, without --workdir; raises
            `Unavailable`.
        reads: those of `Request.given` that it is made of.
    """

    key: str
    title: str
    module: str
    record: str
    pictures: tuple[str, ...]
    arguments: Callable[[Request], list[str]]
    reads: tuple[str, ...] = ()

    def make(self, request: Request) -> Path:
        """Runs the command, unless what it made before still serves.

        Args:
            request: of the report.

        Returns:
            The record's path.

        Raises:
            Unavailable: something the figure needs was not given.
            UsageError: the command refused its arguments.
            RunError: it failed.
        """
        arguments = self.arguments(request)
        folder = request.workdir / self.key
        made_with = {
            "arguments": arguments,
            "network and images": request.fingerprint,
            "given": {k: v for k, v in request.given.items() if k in self.reads},
        }

        def run():
            run_command(self.module, [*arguments, f"--workdir={folder}"])

        return make_once(folder, self.record, made_with, run, request.overwrite)


def make_once(
    folder: Path, record: str, made_with: dict, run: Callable[[], object], again: bool
) -> Path:
    """Makes what belongs into a folder, unless it was made with the same settings.

    Its files' checksums are kept, so that what is damaged is made again. A pass over
    the images that a command has kept (`visualize.scan_state`) serves again, unless all
    is to be made again: images that changed under their names are not seen by its key.

    Args:
        folder: of the figure.
        record: name of the JSON file that is written last.
        made_with: settings, as JSON values; kept beside the figure.
        run: makes it.
        again: make it in any case, and all of it.

    Returns:
        The record's path.
    """
    marker = folder / _MADE_WITH
    if not again and _serves(folder, record, marker, made_with):
        return folder / record
    marker.unlink(missing_ok=True)
    if again:
        for scan in [*folder.rglob("*.npz")]:
            scan.unlink()
    run()
    files = (path for path in folder.rglob("*") if path.is_file())
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


def run_command(module: str, arguments: list[str]) -> None:
    """Runs a command in this process; its answer is an exception, not an exit code.

    Its progress is shown, its closing lines are not.

    Args:
        module: of the command.
        arguments: its words.

    Raises:
        UsageError: exit code 2, with what the command said.
        RunError: exit code 1, likewise.
    """
    heard = _Listener(sys.stderr)
    with contextlib.redirect_stderr(heard), contextlib.redirect_stdout(io.StringIO()):
        code = importlib.import_module(module).main(arguments)
    if code == commandline.DONE:
        return
    if heard.error == "interrupted":
        raise KeyboardInterrupt
    kind = UsageError if code == commandline.BAD_USAGE else RunError
    raise kind(heard.error or f"{module} ended with exit code {code}")


class _Listener(io.TextIOBase):
    """Hands on all but a command's error lines, and keeps the last of those."""

    def __init__(self, terminal):
        self.terminal = terminal
        self.error = ""

    def write(self, text):
        _, found, message = text.partition(": error: ")
        if found and text.startswith("python -m "):
            self.error = message.strip()
        elif not (self.error and text == "\n"):  # the end of that line
            self.terminal.write(text)
        return len(text)

    @property
    def encoding(self):
        return self.terminal.encoding

    def flush(self):
        self.terminal.flush()

    def isatty(self):
        return self.terminal.isatty()
