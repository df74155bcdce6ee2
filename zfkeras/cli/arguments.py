"""The arguments that several commands share, and the types that argparse reads."""

import argparse
import contextlib
import math
from typing import Any

from zfkeras.errors import UsageError
from zfkeras.io.invocation import program

DEFAULT_MODEL = "quarter"

DATA_HELP = (
    "where the images are: tfds:NAME (tfds:imagenet2012), folder:PATH (one folder a "
    "class); tiny-imagenet:PATH, caltech101:PATH, caltech256:PATH, voc2012:PATH or "
    "voc2007:PATH (the folder or the official archive), or the bare name of such a set "
    "to look for it (docs/data.md); built in: photographs (crops "
    "of 67 photographs; photographs:whole for one of each), shapes (shapes:256 for "
    "larger ones, shapes:64:1000000 for more)"
)


MODEL_HELP = (
    "quarter (trained on Tiny ImageNet, part of the package), zfnet512 (see "
    "zfkeras.download), keras:NAME for a network of keras.applications (keras:VGG16; "
    "keras:VGG16:random without a download), or the path of a .keras or .h5 file"
)

# What `zfkeras.load(inputs=...)` takes.
INPUTS = ("caffe", "tf", "torch", "0..255", "0..1", "-1..1")


def make_parser(module: str, description: str) -> argparse.ArgumentParser:
    """Makes a parser that shows defaults and is named as the user called it."""
    return _Parser(
        prog=program(module),
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


def positive_int(text: str) -> int:
    """Reads a whole number of at least 1, for argparse."""
    return number(text, int, 1, math.inf, "a whole number of at least 1")


def index(text: str) -> int:
    """Reads a whole number of at least 0, for argparse."""
    return number(text, int, 0, math.inf, "a whole number from 0")


def indices(text: str) -> list[int]:
    """Reads 3 or 3,17, for argparse: whole numbers of at least 0."""
    return [index(word) for word in text.split(",")]


def seed(text: str) -> int:
    """Reads a whole number from 0 to 2^32 - 1, for argparse."""
    return number(text, int, 0, 2**32 - 1, "a whole number from 0 to 4294967295")


def fraction(text: str) -> float:
    """Reads a number from 0 to 1, for argparse."""
    return number(text, float, 0, 1, "from 0 to 1")


def layer(text: str) -> int | str:
    """Reads a layer for argparse: the paper's number, or a name."""
    return int(text) if text.isdecimal() else text


def layers(text: str) -> list[int | str]:
    """Reads 1,2,conv3 for argparse: different layers."""
    words = [word.strip() for word in text.split(",")]
    if not all(words):
        raise argparse.ArgumentTypeError(f"must be like 1,2,5. Received: {text}")
    found = [layer(word) for word in words]
    if len({*found}) < len(found):
        raise argparse.ArgumentTypeError(f"names a layer twice. Received: {text}")
    return found


def number(text: str, kind: type, low: float, high: float, words: str) -> Any:
    """Reads a number in a range; argparse would name the function that failed."""
    with contextlib.suppress(ValueError):
        value = kind(text)
        if low <= value <= high:
            return value
    raise argparse.ArgumentTypeError(f"must be {words}. Received: {text}")
