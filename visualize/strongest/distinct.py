"""Keeps one crop of each photograph among a channel's strongest activations."""

import dataclasses

import numpy as np

from visualize.images.sample import examples_at
from visualize.strongest.searched_images import SearchedImages
from visualize.strongest.top_activations import Strongest
from zfkeras.data.register import Source

_CANDIDATES = 8  # how many times as many activations to look for as are to be shown


def _is_crops(source: Source) -> bool:
    """Returns whether several images are crops of one photograph."""
    return source.spec == "photographs"


def count_to_scan(source: Source, top: int) -> int:
    """Returns how many activations per channel a pass must keep to show `top`."""
    return top * _CANDIDATES if _is_crops(source) else top


def one_per_photograph(
    strongest: Strongest, count: int, images: SearchedImages
) -> Strongest:
    """Keeps the `count` strongest activations of different photographs."""
    if not _is_crops(images.source):
        return strongest
    examples = examples_at(images.split, strongest.images[strongest.images >= 0])
    photographs = {
        place: row["id"].partition("/")[0] for place, row in examples.items()
    }
    columns = np.array(
        [
            _first_columns([photographs.get(place) for place in places], count)
            for places in strongest.images.tolist()
        ]
    )
    rows = np.arange(len(columns))[:, None]

    def keep(values, empty):
        kept = values[rows, columns]
        kept[columns < 0] = empty
        return kept

    return dataclasses.replace(
        strongest,
        values=keep(strongest.values, -np.inf),
        images=keep(strongest.images, -1),
        labels=keep(strongest.labels, -1),
        positions=keep(strongest.positions, -1),
    )


def _first_columns(names: list[str | None], count: int) -> list[int]:
    """Returns the positions where each name occurs first, padded with -1."""
    first = [names.index(name) for name in dict.fromkeys(names) if name is not None]
    return [*first, *[-1] * count][:count]
