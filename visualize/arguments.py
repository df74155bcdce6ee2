"""What arguments of several commands here mean."""

import argparse


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
