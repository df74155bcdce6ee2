"""How flags of transfer's commands are read."""

from transfer.features.layer_order import in_order
from zfkeras.cli import arguments


def number_list(text: str) -> tuple[int, ...]:
    """Reads 15,30 for argparse: whole numbers from 1, sorted, each once."""
    return tuple(sorted({arguments.positive_int(word) for word in text.split(",")}))


def layer_list(text: str) -> tuple[int | str, ...] | None:
    """Reads 7, or 1,2,block1_pool, or all (`None`), for argparse."""
    return None if text == "all" else tuple(in_order(arguments.layers(text)))
