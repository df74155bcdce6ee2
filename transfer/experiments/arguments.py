"""What arguments of several commands here mean."""

import argparse
from collections.abc import Iterable
from pathlib import Path

from zfkeras.cli import arguments


def number_list(text: str) -> tuple[int, ...]:
    """Reads 15,30 for argparse: whole numbers from 1, sorted, each once."""
    return tuple(sorted({arguments.positive_int(word) for word in text.split(",")}))


def layer(text: str) -> int | str:
    """Reads the paper's number of a layer or a layer's name, for argparse."""
    return int(text) if text.isdecimal() else text


def layer_list(text: str) -> tuple[int | str, ...] | None:
    """Reads 7, or 1,2,block1_pool, or all (`None`), for argparse."""
    if text == "all":
        return None
    words = [word.strip() for word in text.split(",")]
    if not all(words):
        raise argparse.ArgumentTypeError(f"must be like 1,2,5. Received: {text}")
    return tuple(in_order(map(layer, words)))


def in_order(layers: Iterable[int | str]) -> list[int | str]:
    """Each layer once: the paper's numbers, ascending, then names as they come."""
    different = dict.fromkeys(layers)
    numbers = sorted(layer for layer in different if isinstance(layer, int))
    return [*numbers, *(layer for layer in different if isinstance(layer, str))]


def add_layers(parser: argparse.ArgumentParser, of_all: str = "all there are") -> None:
    """Adds --layer, one or several; `None` stands for all."""
    parser.add_argument(
        "--layer",
        type=layer_list,
        default="7",
        metavar="LIST",
        help="the paper's layers by number, 1 to 7, or any network's by name, those of "
        "a nested model as base.block1_pool; several with commas between; or all: "
        f"{of_all}, of a network without the paper's layers the ends of its stages",
    )


def add_published_data(parser: argparse.ArgumentParser, default_text: str) -> None:
    """Adds --data, which may be left out, and --download."""
    arguments.add_data(parser, default_text=f"{default_text}, if it is found")
    add_download(parser)


def add_download(parser: argparse.ArgumentParser) -> None:
    """Adds --download, for published data sets that are not on this machine."""
    parser.add_argument(
        "--download",
        action="store_true",
        help="download the data set where it is not found (docs/data.md); in a "
        "terminal the command asks otherwise",
    )


def add_whole_networks(parser: argparse.ArgumentParser, beside: str = "") -> None:
    """Adds --from-scratch and --fine-tune, epochs in which all layers learn."""
    also = f"beside {beside}" if beside else "also"
    parser.add_argument(
        "--from-scratch",
        type=arguments.positive_int,
        metavar="EPOCHS",
        help=f"{also}, train the same network from random weights on each fold's "
        "training images, for so many passes over them: the second arm of Tables 4 and "
        "5 (default: left out)",
    )
    parser.add_argument(
        "--fine-tune",
        type=arguments.positive_int,
        metavar="EPOCHS",
        help=f"{also}, train all layers on from the network's own weights, which the "
        "paper does not (default: left out)",
    )


def add_features(parser: argparse.ArgumentParser) -> None:
    """Adds --cache, --feature-dtype and --max-bad-fraction: of features and images."""
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
    arguments.add_max_bad_fraction(parser)
