"""How flags of transfer's commands are read."""

import argparse

from transfer.features.layer_order import in_order
from zfkeras.cli import arguments


def number_list(text: str) -> tuple[int, ...]:
    """Reads 15,30 for argparse: whole numbers from 1, sorted, each once."""
    return tuple(sorted({arguments.positive_int(word) for word in text.split(",")}))


def layer_list(text: str) -> tuple[int | str, ...] | None:
    """Reads 7, or 1,2,block1_pool, or all (`None`), for argparse."""
    if text == "all":
        return None
    words = [word.strip() for word in text.split(",")]
    if not all(words):
        raise argparse.ArgumentTypeError(f"must be like 1,2,5. Received: {text}")
    return tuple(in_order(map(arguments.layer, words)))
