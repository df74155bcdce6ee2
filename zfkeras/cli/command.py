"""How a command runs and ends: errors in one line, exit codes, claimed folders.

TensorFlow is imported only once there is something to do, so that --help answers at
once.
"""

import argparse
import contextlib
import dataclasses
import logging
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from zfkeras.cli.arguments import make_parser
from zfkeras.cli.tensorflow_start import import_tensorflow_quietly
from zfkeras.errors import RunError, UsageError
from zfkeras.io.extras import check_backend, chosen_backend, explain_missing
from zfkeras.io.locks import claimed
from zfkeras.io.terminal import HarmlessOutput, harmless
from zfkeras.records.settings import add_settings, read_settings

DONE, FAILED, BAD_USAGE = 0, 1, 2

_WRONG_PATH = (
    FileNotFoundError,
    FileExistsError,
    IsADirectoryError,
    NotADirectoryError,
)

_TENSORFLOWS_OOM = "ResourceExhaustedError"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """A command: what it takes, and what it does.

    Args:
        module: what `python -m` runs: "zfkeras.train".
        description: what `--help` says of it.
        settings: a frozen dataclass whose fields `zfkeras.records.setting` made.
        work: takes the settings.
        any_backend: whether it runs on every backend of Keras, not TensorFlow alone.
    """

    module: str
    description: str
    settings: type
    work: Callable[[Any], None]
    any_backend: bool = False

    def build_parser(self) -> argparse.ArgumentParser:
        """Makes the flags of the settings."""
        parser = make_parser(self.module, self.description)
        add_settings(parser, self.settings)
        return parser

    def main(self, argv: Sequence[str] | None = None) -> int:
        """Runs the command; returns its exit code."""

        def work(args):
            self.work(read_settings(self.settings, args))

        return run(self.build_parser(), work, argv, self.any_backend)


# What `make_folder` has claimed for the commands under way: a stack of them, since a
# report runs other commands.
_claims: list[contextlib.ExitStack] = []
_claimed: set[str] = set()


def make_folder(path: Path) -> None:
    """Makes the workdir and keeps other processes out of it until the command ends."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as err:
        raise UsageError(
            argument="--workdir", received=path, expected="a folder"
        ) from err
    name = os.path.realpath(path)
    if _claims and name not in _claimed:
        _claims[-1].enter_context(claimed(path, instead="use another --workdir"))
        _claimed.add(name)
        _claims[-1].callback(_claimed.discard, name)


def run(
    parser: argparse.ArgumentParser,
    command: Callable[[argparse.Namespace], None],
    argv: Sequence[str] | None = None,
    any_backend: bool = False,
) -> int:
    """Parses `argv`, calls `command` and returns the exit code.

    0: done. 1: the run failed, was interrupted, or the system refused memory, space or
    permission. 2: bad usage. Other exceptions are bugs and keep their traceback.
    """
    if getattr(sys.stdout, "errors", None) == "strict":
        # A file's name may have characters that the terminal's encoding lacks.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = _run(parser, command, argv, any_backend)
        print(end="", flush=True)  # a short answer is written only now
        return code
    except BrokenPipeError:  # whoever read our output has closed it, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _run(parser, command, argv, any_backend) -> int:
    try:
        args = parser.parse_args(argv)
    except UsageError as err:
        return say(parser, err, BAD_USAGE)
    except SystemExit:  # --help, which argparse has answered
        return DONE
    try:
        if not any_backend:
            check_backend()
        if chosen_backend() == "tensorflow":
            import_tensorflow_quietly()
        _start_logging()
        with contextlib.ExitStack() as claims:
            _claims.append(claims)
            claims.callback(_claims.remove, claims)
            # Names of files and classes may hold commands to the terminal.
            claims.enter_context(contextlib.redirect_stdout(HarmlessOutput(sys.stdout)))
            command(args)
    except UsageError as err:
        return say(parser, err, BAD_USAGE)
    except _WRONG_PATH as err:
        if not _is_argument(err, args):
            raise
        return say(parser, err, BAD_USAGE)
    except BrokenPipeError:
        raise
    except RunError as err:
        return say(parser, err, FAILED)
    except ModuleNotFoundError as err:
        if (told := explain_missing(err)) is None:
            raise
        return say(parser, told, BAD_USAGE)
    except KeyboardInterrupt:
        return say(parser, "interrupted", FAILED)
    except Exception as err:
        from zfkeras.io.files import is_disk_full

        if is_disk_full(err):  # in a library, which does not say where
            return say(parser, f"no space left in {_fullest(args)}; {err}", FAILED)
        if isinstance(err, MemoryError) or type(err).__name__ == _TENSORFLOWS_OOM:
            size = getattr(args, "batch_size", None)
            remedy = f"; lower --batch-size, now {size}" if size else ""
            return say(parser, f"out of memory{remedy} ({str(err)[:200]})", FAILED)
        if isinstance(err, OSError):
            return say(parser, err, FAILED)
        raise
    return DONE


def _is_argument(err: OSError, args: argparse.Namespace) -> bool:
    """Tells whether a wrong path is what the user gave, or lies below that."""
    if err.errno is None or err.filename is None:  # raised by our own checks
        return True
    wrong = Path(os.path.abspath(os.fsdecode(err.filename)))
    values = [v for v in vars(args).values() if isinstance(v, str | Path | list)]
    words = [str(w) for v in values for w in (v if isinstance(v, list) else [v])]
    given = {part for word in words for part in (word, *re.split("[:=]", word)) if part}
    return any(wrong.is_relative_to(os.path.abspath(part)) for part in given)


def _fullest(args) -> str:
    """Finds the folder with the least space left among those a command writes to."""
    places = [getattr(args, name, None) for name in ("workdir", "cache")]
    places = [str(place) for place in [*places, tempfile.gettempdir(), "."] if place]
    return min(
        (place for place in places if os.path.isdir(place)),
        key=lambda place: shutil.disk_usage(place).free,
    )


def _make_harmless(record: logging.LogRecord) -> bool:
    """Escapes control characters in a message, as a filter of logging."""
    record.msg, record.args = harmless(record.getMessage()), ()
    return True


def _start_logging():
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for handler in logging.getLogger().handlers:
        handler.addFilter(_make_harmless)
    from zfkeras.data.files.decoding import silence_image_libraries

    silence_image_libraries()
    # Users cannot act on what TFDS and Keras log through absl, nor on the TPU that JAX
    # does not find.
    logging.getLogger("absl").setLevel(logging.ERROR)
    logging.getLogger("jax").setLevel(logging.WARNING)


def say(parser, message, code) -> int:
    """Prints an error in one line; returns the exit code."""
    line = harmless(" ".join(str(message).split()))
    print(f"{parser.prog}: error: {line}", file=sys.stderr)
    return code
