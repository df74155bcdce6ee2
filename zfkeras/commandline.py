"""What every command shares: its common arguments and how it ends.

It parses and reports; it does no work of its own. TensorFlow is imported only once
there is something to do, so that --help answers at once.
"""

import argparse
import contextlib
import logging
import math
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from zfkeras.errors import RunError, UsageError
from zfkeras.locks import claimed
from zfkeras.tensorflow_start import import_tensorflow_quietly
from zfkeras.terminal import HarmlessOutput, harmless

DONE, FAILED, BAD_USAGE = 0, 1, 2

DEFAULT_MODEL = "quarter"

_WRONG_PATH = (
    FileNotFoundError,
    FileExistsError,
    IsADirectoryError,
    NotADirectoryError,
)

_TENSORFLOWS_OOM = "ResourceExhaustedError"

DATA_HELP = (
    "where the images are: tfds:NAME (tfds:imagenet2012), folder:PATH (one folder a "
    "class); tiny-imagenet:PATH, caltech101:PATH, caltech256:PATH, voc2012:PATH or "
    "voc2007:PATH (the folder or the official archive), or the bare name of such a set "
    "to look for it (docs/data.md); built in: photographs (crops "
    "of 67 photographs; photographs:whole for one of each), shapes (shapes:256 for "
    "larger ones, shapes:64:1000000 for more)"
)


def make_parser(module: str, description: str) -> argparse.ArgumentParser:
    """Makes a parser that shows defaults and is named after `python -m MODULE`."""
    return _Parser(
        prog=f"python -m {module}",
        description=description,
        formatter_class=_HelpFormatter,
    )


class _Parser(argparse.ArgumentParser):
    """A parser that reports bad usage in one line, without the usage block."""

    def error(self, message):
        raise UsageError(f"{message}; see {self.prog} --help")


class _HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows defaults other than `None`, `False` and the empty list."""

    def _get_help_string(self, action):
        default = action.default  # 0 is one, though it equals False
        if action.required or default is None or default is False or default == []:
            return action.help
        return super()._get_help_string(action)


def add_data(parser: argparse.ArgumentParser, *, default_text: str = "") -> None:
    """Adds --data; it is required unless `default_text` says what replaces it."""
    parser.add_argument(
        "--data",
        metavar="SPEC",
        required=not default_text,
        help=DATA_HELP + (f" (default: {default_text})" if default_text else ""),
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """Adds --model, a preset or file; by default `quarter`."""
    parser.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="MODEL",
        help="quarter (trained on Tiny ImageNet, part of the package), zfnet512 (see "
        "zfkeras.download) or the path of a .keras file",
    )


def add_seed(parser: argparse.ArgumentParser) -> None:
    """Adds --seed, for commands that draw random numbers."""
    parser.add_argument(
        "--seed",
        type=seed,
        default=0,
        metavar="N",
        help="fixes what is random, from 0; the same seed gives the same result",
    )


def add_split(parser: argparse.ArgumentParser, usual: str = "validation") -> None:
    """Adds --split; without it `Source.split_name` decides."""
    parser.add_argument(
        "--split",
        metavar="NAME",
        help="which split of the data: train, validation or test (default: "
        f"{usual}, or the only one there is)",
    )


def add_max_bad_fraction(parser: argparse.ArgumentParser) -> None:
    """Adds --max-bad-fraction, the largest accepted fraction of bad images."""
    parser.add_argument(
        "--max-bad-fraction",
        type=fraction,
        default=0.01,
        metavar="N",
        help="share of unreadable images (0-1) past which the run stops",
    )


def add_workdir(
    parser: argparse.ArgumentParser,
    default: str | None = None,
    *,
    default_text: str = "",
) -> None:
    """Adds --workdir, the folder a command writes into."""
    help_text = "folder for the results; a rerun resumes what it finds there"
    parser.add_argument(
        "--workdir",
        type=Path,
        default=None if default is None else Path(default),
        metavar="DIR",
        help=help_text + (f" (default: {default_text})" if default_text else ""),
    )


def add_batch_size(parser: argparse.ArgumentParser, default: int) -> None:
    """Adds --batch-size, in images."""
    parser.add_argument(
        "--batch-size",
        type=positive_int,
        default=default,
        metavar="N",
        help="images in a batch",
    )


def positive_int(text: str) -> int:
    """Reads a whole number of at least 1, for argparse."""
    return _number(text, int, 1, math.inf, "a whole number of at least 1")


def seed(text: str) -> int:
    """Reads a whole number from 0 to 2^32 - 1, for argparse."""
    return _number(text, int, 0, 2**32 - 1, "a whole number from 0 to 4294967295")


def fraction(text: str) -> float:
    """Reads a number from 0 to 1, for argparse."""
    return _number(text, float, 0, 1, "from 0 to 1")


def _number(text, kind, low, high, words):
    """Reads a number; argparse would name the function that failed."""
    with contextlib.suppress(ValueError):
        value = kind(text)
        if low <= value <= high:
            return value
    raise argparse.ArgumentTypeError(f"must be {words}. Received: {text}")


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
) -> int:
    """Parses `argv`, calls `command` and returns the exit code.

    0: done. 1: the run failed, was interrupted, or the system refused memory, space or
    permission. 2: bad usage. Other exceptions are bugs and keep their traceback.
    """
    if getattr(sys.stdout, "errors", None) == "strict":
        # A file's name may have characters that the terminal's encoding lacks.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = _run(parser, command, argv)
        print(end="", flush=True)  # a short answer is written only now
        return code
    except BrokenPipeError:  # whoever read our output has closed it, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _run(parser, command, argv) -> int:
    try:
        args = parser.parse_args(argv)
    except UsageError as err:
        return _say(parser, err, BAD_USAGE)
    except SystemExit:  # --help, which argparse has answered
        return DONE
    try:
        import_tensorflow_quietly()
        _start_logging()
        with contextlib.ExitStack() as claims:
            _claims.append(claims)
            claims.callback(_claims.remove, claims)
            # Names of files and classes may hold commands to the terminal.
            claims.enter_context(contextlib.redirect_stdout(HarmlessOutput(sys.stdout)))
            command(args)
    except UsageError as err:
        return _say(parser, err, BAD_USAGE)
    except _WRONG_PATH as err:
        if not _is_argument(err, args):
            raise
        return _say(parser, err, BAD_USAGE)
    except BrokenPipeError:
        raise
    except RunError as err:
        return _say(parser, err, FAILED)
    except KeyboardInterrupt:
        return _say(parser, "interrupted", FAILED)
    except Exception as err:
        from zfkeras.files import is_disk_full

        if is_disk_full(err):  # in a library, which does not say where
            return _say(parser, f"no space left in {_fullest(args)}; {err}", FAILED)
        if isinstance(err, MemoryError) or type(err).__name__ == _TENSORFLOWS_OOM:
            size = getattr(args, "batch_size", None)
            remedy = f"; lower --batch-size, now {size}" if size else ""
            return _say(parser, f"out of memory{remedy} ({str(err)[:200]})", FAILED)
        if isinstance(err, OSError):
            return _say(parser, err, FAILED)
        raise
    return DONE


def _is_argument(err: OSError, args: argparse.Namespace) -> bool:
    """Whether a wrong path is one that the user gave, or lies in it."""
    if err.errno is None or err.filename is None:  # raised by our own checks
        return True
    wrong = Path(os.path.abspath(os.fsdecode(err.filename)))
    values = [v for v in vars(args).values() if isinstance(v, str | Path | list)]
    words = [str(w) for v in values for w in (v if isinstance(v, list) else [v])]
    given = {part for word in words for part in (word, *re.split("[:=]", word)) if part}
    return any(wrong.is_relative_to(os.path.abspath(part)) for part in given)


def _fullest(args) -> str:
    """Of the folders a command writes to, the one with the least space left."""
    places = [getattr(args, name, None) for name in ("workdir", "cache")]
    places = [str(place) for place in [*places, tempfile.gettempdir()] if place]
    return min(
        (place for place in places if os.path.isdir(place)),
        key=lambda place: shutil.disk_usage(place).free,
    )


def _make_harmless(record: logging.LogRecord) -> bool:
    """A logging filter that escapes control characters in messages."""
    record.msg, record.args = harmless(record.getMessage()), ()
    return True


def _start_logging():
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for handler in logging.getLogger().handlers:
        handler.addFilter(_make_harmless)
    # Users cannot act on what TFDS and Keras log through absl.
    logging.getLogger("absl").setLevel(logging.ERROR)


def _say(parser, message, code) -> int:
    line = harmless(" ".join(str(message).split()))
    print(f"{parser.prog}: error: {line}", file=sys.stderr)
    return code
