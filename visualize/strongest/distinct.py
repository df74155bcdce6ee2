"""Keeps one crop of each photograph among a channel's strongest activations."""

import dataclasses
from collections.abc import Callable

import numpy as np

from visualize.strongest.sample import examples_at
from visualize.strongest.top_activations import Strongest
from zfkeras.data.register import Source
from zfkeras.data.split import Split

_CANDIDATES = 8  # how many times as many activations to look for as are to be shown


def count_to_scan(source: Source, top: int) -> int:
    """Number of activations per channel that a pass must keep to show `top`."""
    return top if photograph_finder(source) is None else top * _CANDIDATES


def photograph_finder(source: Source) -> Callable[[str], str] | None:
    """Returns a function from a crop's id to its photograph, or `None`."""
    if source.spec != "photographs":
        return None
    return lambda name: name.partition("/")[0]


def keep_one_each(
    strongest: Strongest, count: int, split: Split, photograph_of: Callable[[str], str]
) -> Strongest:
    """Keeps the `count` strongest activations of different photographs."""
    examples = examples_at(split, strongest.images[strongest.images >= 0])
    photographs = {place: photograph_of(row["id"]) for place, row in examples.items()}
    rows = np.arange(len(strongest.images))[:, None]
    columns = np.array(
        [
            _first_columns([photographs.get(place) for place in places], count)
            for places in strongest.images.tolist()
        ]
    )
    is_empty = columns < 0

    def keep(values, empty):
        kept = values[rows, columns]
        kept[is_empty] = empty
        return kept

    return dataclasses.replace(
        strongest,
        values=keep(strongest.values, -np.inf),
        images=keep(strongest.images, -1),
        labels=keep(strongest.labels, -1),
        positions=keep(strongest.positions, -1),
    )


def _first_columns(names: list[str | None], count: int) -> list[int]:
    """Positions of the first occurrence of each name, padded with -1."""
    first = [names.index(name) for name in dict.fromkeys(names) if name is not None]
    return [*first, *[-1] * count][:count]
