"""The tests of a layer's projections, each a number for each channel."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from scipy.ndimage import correlate1d

from visualize.deconvnet.deconvnet import METHODS
from visualize.figures.sanity.likeness import cosines, likenesses
from visualize.figures.sanity.masking import PixelTest, areas, order_of
from visualize.figures.sanity.signals import SignalProjector
from visualize.figures.sanity.twin import Twin
from visualize.figures.sanity.units import Units

EDGES, CHANCE = "edges", "chance"

#: Test -> float array (channels,).
Scores = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class Outcome:
    """What the tests of one network's projections of a layer found."""

    channels: np.ndarray  # int array (channels,)
    scores: Mapping[str, Scores]  # by method, EDGES and CHANCE
    curves: Mapping[str, np.ndarray]  # likewise: (2, fractions), deletion and insertion


@dataclasses.dataclass(frozen=True, eq=False)
class Shown:
    """Units and their pictures: float arrays (n, height, width, c) by method, EDGES."""

    units: Units
    pictures: Mapping[str, np.ndarray]


def project_units(units: Units, projector: SignalProjector) -> Shown:
    """Projects units with each method; the edges of what they see stand beside."""
    signals = projector.of_channels(units.channels[units.owners])
    asked = units.inputs, units.which, units.positions
    pictures = {
        method: projector.project(method, *asked, signals) for method in METHODS
    }
    edges = edge_maps(units.inputs)[units.which]
    pictures[EDGES] = np.where(units.is_seen(), edges, 0)[..., None]
    return Shown(units, pictures)


def measure_units(
    shown: Shown, projector: SignalProjector, pixels: PixelTest, seed: int
) -> Outcome:
    """Runs the tests that need no other weights."""
    units, pictures = shown.units, shown.pictures
    scores = {
        method: _dependence(units, each) | _localisation(units, each)
        for method, each in pictures.items()
    }
    for method in METHODS:
        random = np.random.default_rng([seed, 4])
        cosine = _other_signal(units, projector, method, random)
        scores[method]["other_signal"] = cosine
    found = _pixel_curves(units, pixels, pictures, np.random.default_rng([seed, 5]))
    curves = {}
    for name, each in zip([*pictures, CHANCE], np.moveaxis(found, 2, 0), strict=True):
        deletion, insertion = areas(each)
        gain = _by_channel(units, insertion - deletion)
        scores.setdefault(name, {})["gain"] = gain
        curves[name] = each.mean(axis=1)
    return Outcome(units.channels, scores, curves)


def replace_weights(
    twin: Twin, layer: int | str, shown: Shown, projector: SignalProjector
) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, np.ndarray]]:
    """Compares pictures with those of the same places when weights are replaced.

    Layers are replaced from the top down, in stages, and stay so. Returns for each
    method likeness -> float array (1 + stages, channels), first that of pictures of
    other channels; and method -> pictures (1 + stages, height, width, c) of one unit.
    """
    units, few = shown.units, shown.units.probes
    asked = units.inputs, units.which[few], units.positions[few]
    own, found, first = {}, {}, {}
    for method in METHODS:
        own[method], masks = units.aligned(shown.pictures[method][few], few)
        found[method] = [_others(own[method], masks, units)]
        first[method] = [shown.pictures[method][0]]
    replaced = []
    for operations in twin.stages(layer):
        replaced += operations
        twin.replace(replaced)
        # A random channel is any channel; one that is off would have no picture.
        signals = projector.of_channels(projector.strongest_channels(*asked))
        for method in METHODS:
            made = projector.project(method, *asked, signals)
            cut, _ = units.aligned(made, few)
            found[method].append(likenesses(own[method], cut, masks))
            first[method].append(made[0])
    likeness = {
        method: {
            name: np.stack([_by_channel(units, stage[name]) for stage in stages])
            for name in stages[0]
        }
        for method, stages in found.items()
    }
    return likeness, {method: np.stack(each) for method, each in first.items()}


def edge_maps(inputs: np.ndarray) -> np.ndarray:
    """Returns Sobel's magnitude of images' mean over colours, (n, height, width)."""
    grey = inputs.mean(axis=-1)
    # SciPy's `sobel` would blur along the axis of the images, too.
    slopes = (
        correlate1d(correlate1d(grey, [-1, 0, 1], along), [1, 2, 1], across)
        for along, across in ((1, 2), (2, 1))
    )
    return np.hypot(*slopes)


def _dependence(units, pictures) -> Scores:
    """Cosine of a channel's pictures, with other channels', and the share of empty."""
    found = cosines(*units.aligned(pictures))
    others = units.which[:, None] != units.which
    is_own = units.owners[:, None] == units.owners
    scores = {}
    for name, pairs in (("same_unit", is_own), ("other_units", ~is_own)):
        chosen = np.where(pairs & others, found, np.nan)
        scores[name] = _by_channel(units, chosen)
    is_empty = ~pictures.any(axis=(1, 2, 3))
    return {**scores, "empty": _by_channel(units, is_empty.astype(float))}


def _localisation(units, pictures) -> Scores:
    """Share of the picture's sizes on the object, beside the object's share."""
    if units.objects is None:
        return {}
    sizes, seen = np.abs(pictures).sum(axis=-1), units.is_seen()
    on = units.objects[units.which] & seen
    axes = 1, 2
    share = np.where(on, sizes, 0).sum(axes) / np.maximum(sizes.sum(axes), 1e-30)
    area = on.sum(axes) / seen.sum(axes)
    return {
        "on_object": _by_channel(units, share),
        "object_area": _by_channel(units, area),
    }


def _other_signal(units, projector, method, random) -> np.ndarray:
    """Cosine of the pictures of two random signals at one place of one image."""
    few = units.probes
    asked = units.inputs, units.which[few], units.positions[few]
    one, other = (
        projector.project(
            method, *asked, random.normal(size=(len(few), projector.num_channels))
        ).reshape(len(few), -1)
        for _ in range(2)
    )
    norms = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    product = (one * other).sum(axis=1)
    cosine = np.where(norms > 0, product, np.nan) / np.where(norms > 0, norms, 1)
    return _by_channel(units, cosine)


def _pixel_curves(units, pixels, pictures, random) -> np.ndarray:
    """Deletes and inserts pixels in the order of each picture, and by chance."""
    few = units.probes
    seen = units.is_seen()[few]
    importance = [np.abs(shown[few]).sum(axis=-1) for shown in pictures.values()]
    importance.append(random.random(seen.shape))
    order = np.stack([order_of(one, seen, random) for one in importance], axis=1)
    channels = units.channels[units.owners[few]]
    places = np.concatenate([units.positions[few], channels[:, None]], axis=1)
    return pixels.curves(units.inputs, units.which[few], places, order)


def _others(pictures, masks, units) -> dict[str, np.ndarray]:
    """Compares pictures with those of the next channel's units."""
    per_channel = len(pictures) // len(units.channels)
    other, other_masks = (
        np.roll(one, per_channel, axis=0) for one in (pictures, masks)
    )
    return likenesses(pictures, other, masks & other_masks)


def _by_channel(units, values) -> np.ndarray:
    """Averages values of units, or of their probes, by channel."""
    return _known_mean(values.reshape(len(units.channels), -1))


def _known_mean(rows) -> np.ndarray:
    """Averages each row's known values; NaN where it has none."""
    known = ~np.isnan(rows)
    total = np.where(known, rows, 0).sum(axis=1)
    return np.where(known.any(axis=1), total, np.nan) / np.maximum(known.sum(axis=1), 1)
