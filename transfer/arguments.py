"""What arguments of several commands here mean."""

import argparse
from pathlib import Path

from zfkeras import commandline


def number_list(text: str) -> tuple[int, ...]:
    """Reads 15,30 for argparse: whole numbers from 1, sorted, each once."""
    return tuple(sorted({commandline.positive_int(word) for word in text.split(",")}))


def layer_numbers(text: str) -> tuple[int, ...] | None:
    """Reads 7, or 1,2,5, or all (`None`), for argparse: the paper's layers."""
    return None if text == "all" else number_list(text)


def add_features(parser: argparse.ArgumentParser) -> None:
    """Adds --cache and --feature-dtype: where and how features are kept."""
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        help="folder of the features (default: ~/.cache/zfkeras/features)",
    )
    parser.add_argument(
        "--feature-dtype",
        choices=("float16", "float32"),
        default="float16",
        help="how features are kept",
    )
