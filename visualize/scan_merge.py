"""What scans of several parts of a split have found, as one scan of all would.

It knows nothing of networks and images.
"""

import dataclasses
import functools
from collections.abc import Iterable

import numpy as np

from visualize.scan_state import ScanState


def merge(states: Iterable[ScanState]) -> ScanState:
    """Joins what was found in different parts of a split, in any order.

    Of equal activations the earlier image's counts, as in a single scan.

    Args:
        states: at least one, of the same layers and count; images by their places in
            the whole split.
    """
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
