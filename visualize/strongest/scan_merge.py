"""Merges the scans of parts of a split to the scan of the whole."""

import dataclasses
import functools
from collections.abc import Iterable

import numpy as np

from visualize.strongest.scan_state import ScanState


def merge(states: Iterable[ScanState]) -> ScanState:
    """Merges the states of parts in any order; the earlier of equals counts."""
    return functools.reduce(_joined, states)


def _joined(one: ScanState, other: ScanState) -> ScanState:
    count = one.values.shape[1]
    values = np.concatenate([one.values, other.values], axis=1)
    places = np.concatenate([one.places, other.places], axis=1)
    # An image is there once for each channel, so that its place decides every tie.
    # What is empty is -inf and comes last.
    order = np.lexsort((places[..., 0], -values), axis=1)[:, :count]
    return dataclasses.replace(
        one,
        next_position=max(one.next_position, other.next_position),
        num_images=one.num_images + other.num_images,
        values=np.take_along_axis(values, order, axis=1),
        places=np.take_along_axis(places, order[..., None], axis=1),
        bad_images={**one.bad_images, **other.bad_images},
    )
