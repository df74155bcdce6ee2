"""Projects a batch: up with the images, choose an activation, down with the pairs."""

import dataclasses

from keras import ops

from visualize.deconvnet.backend import take_of_each, unique
from visualize.deconvnet.projector import Projector
from visualize.deconvnet.windows import Cutter
from zfkeras.graph.boxes import UNIT
from zfkeras.graph.layer_outputs import as_maps


@dataclasses.dataclass(frozen=True)
class Asks:
    """What is to be found rather than given."""

    finds_channel: bool  # the one with the strongest activation
    finds_position: bool  # that of the channel's strongest activation
    whole_map: bool  # all of the channel's activations go down at once
    are_apart: bool = False  # each pair has an image of its own, in their order


def windows_of(projector: Projector, asks: Asks) -> dict:
    """Returns the windows that the way down computes; none for whole maps."""
    is_inside = projector.has_window and not asks.whole_map
    return projector.windows if is_inside else {}


def project(
    projector: Projector, asks: Asks, cut: bool, images, rows, channels, places
):
    """Projects a batch of (image, channel, position) pairs.

    images: float (n_images, height, width, channels); rows: int32 (n_pairs,), the image
    of each pair; channels: int32 (n_pairs,); places: int32 (n_pairs, 2) of (y, x). With
    `cut`, which needs given positions, it goes up inside the windows of the pairs only.
    Returns float32 reconstructions (n_pairs, height, width, channels), where there are
    windows only the image's, activations (n_pairs,), and channels and places as given
    or found.
    """
    windows = windows_of(projector, asks)
    only, among = None, channels  # channels that are computed; which of them each is
    if not (asks.finds_channel or asks.whole_map or cut):
        if asks.are_apart and projector.narrows(each=True):
            only, among = channels[:, None], ops.zeros_like(channels)
        elif projector.narrows(each=False):
            only, among = unique(channels)
    if windows and not asks.finds_position:
        cutter = Cutter(places, rows)
        ascent = projector.up(images, cutter if cut else None, only, late=not cut)
        units = ascent.maps if cut else cutter.cut(ascent.maps, UNIT)
        if asks.finds_channel:
            channels = among = _first_strongest(units[:, 0, 0])
    else:
        ascent = projector.up(images, channels=only, late=bool(windows))
        maps = ops.take(as_maps(ascent.maps), rows, axis=0)
        among, places = _find(maps, asks, among, places)
        if asks.finds_channel:
            channels = among
        units = Cutter(places, ops.arange(ops.shape(rows)[0], dtype="int32")).cut(
            maps, UNIT
        )
    units = _at_least_single(units)[:, 0, 0]
    activations = take_of_each(units, among[:, None], 1)[:, 0]
    cutter = Cutter(places, rows)
    chosen = channels[:, None] == ops.arange(projector.shape[-1], dtype="int32")
    chosen = chosen[:, None, None, :]
    if asks.whole_map:
        seed = ops.where(chosen, _at_least_single(maps), 0)
    else:
        seed = ops.where(chosen, activations[:, None, None, None], 0)
        if not windows:
            seed = cutter.place(seed, UNIT, maps.shape[1:])
    if len(ascent.maps.shape) == 2:
        seed = seed[:, 0, 0, :]
    below = projector.down(seed, ascent, cutter, windows)
    return ops.cast(below, "float32"), activations, channels, places


def _find(maps, asks, channels, places):
    """Finds the strongest activation's channel and place, where not given."""
    width = maps.shape[2]
    flat = ops.reshape(maps, [ops.shape(maps)[0], -1, ops.shape(maps)[3]])
    numbers = places[:, 0] * width + places[:, 1]
    if asks.finds_channel:
        strengths = (
            ops.max(flat, axis=1)
            if asks.finds_position
            else take_of_each(flat, numbers[:, None], 1)[:, 0]
        )
        channels = _first_strongest(strengths)
    if asks.finds_position:
        values = take_of_each(flat, channels[:, None], 2)[:, :, 0]
        numbers = _first_strongest(values)
    return channels, ops.stack([numbers // width, numbers % width], axis=1)


def _first_strongest(values):
    return ops.cast(ops.argmax(values, axis=1), "int32")


def _at_least_single(tensor):
    """Signals are float32 even where the network runs in half precision."""
    return tensor if tensor.dtype == "float64" else ops.cast(tensor, "float32")
