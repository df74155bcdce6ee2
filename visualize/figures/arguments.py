"""What arguments of several commands here mean."""

import argparse
from pathlib import Path

from zfkeras.cli import arguments


def layer_list(text: str) -> list[int | str]:
    """Reads 1,2,conv3 for argparse: the paper's numbers and names of layers."""
    words = [word.strip() for word in text.split(",")]
    if not all(words):
        raise argparse.ArgumentTypeError(f"must be like 1,2,5. Received: {text}")
    layers = [layer(word) for word in words]
    if len({*layers}) < len(layers):
        raise argparse.ArgumentTypeError(f"names a layer twice. Received: {text}")
    return layers


def layer(text: str) -> int | str:
    """Reads a paper's number or a layer's name, for argparse."""
    return int(text) if text.isdecimal() else text


def add_layers(parser: argparse.ArgumentParser) -> None:
    """Adds --layers, those a figure shows; `None` stands for `usual_layers`."""
    parser.add_argument(
        "--layers",
        type=layer_list,
        metavar="LIST",
        help="the paper's numbers (1 to 7) or names of layers, parted by commas "
        "(default: 1 to 5, or the last maps of each stage, up to five, of networks "
        "that ZFNet does not make)",
    )


def add_top(parser: argparse.ArgumentParser) -> None:
    """Adds --top, how many of a channel's strongest activations are kept."""
    parser.add_argument(
        "--top",
        type=arguments.positive_int,
        default=9,
        metavar="N",
        help="strongest activations of each channel, one an image",
    )


def add_max_images(parser: argparse.ArgumentParser) -> None:
    """Adds --max-images, which keeps a figure of a large data set short."""
    parser.add_argument(
        "--max-images",
        type=arguments.positive_int,
        metavar="N",
        help="look at no more images than this, drawn at random (default: all)",
    )


def add_images(parser: argparse.ArgumentParser, count: int) -> None:
    """Adds --images, --classes, --data, --split and --count: the images of a figure."""
    parser.add_argument(
        "--images",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="image files, or folders to draw from; without it, images of --data. A "
        "name that begins with an ImageNet id or a class (n02112018_Pomeranian.jpg), "
        "or lies in a folder called so, tells the true class",
    )
    parser.add_argument(
        "--classes",
        nargs="+",
        default=[],
        metavar="NAME",
        help="true class of each of --images, where its name does not tell; where "
        "nothing does, the most likely class stands in",
    )
    arguments.add_data(parser, default_text="photographs:whole")
    arguments.add_split(parser)
    parser.add_argument(
        "--count",
        type=arguments.positive_int,
        default=count,
        metavar="N",
        help="images to draw from --data or a folder: those the network gets right "
        "first, each of another class",
    )
