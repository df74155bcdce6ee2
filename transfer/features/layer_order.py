"""The order of layers in tables and files; imports nothing, for the parsers."""

from collections.abc import Iterable


def in_order(layers: Iterable[int | str]) -> list[int | str]:
    """Returns each layer once: the paper's numbers, ascending, then names."""
    different = dict.fromkeys(layers)
    numbers = sorted(layer for layer in different if isinstance(layer, int))
    return [*numbers, *(layer for layer in different if isinstance(layer, str))]
