"""Draws Fig. 2: reconstructions beside patches, a block of nine for each channel."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from visualize.figures.features.top_features import LayerFeatures
from visualize.images.contrast import to_uint8
from zfkeras.plots import new_figure, show_image, styled, subplots, tile

_SMALLEST = 96  # pixels of a patch in the sheet: more than the file has, as a rule
_GAP, _BLOCK_GAP = 4, 48  # pixels between patches, and between channels' blocks
_BETWEEN_PANELS = 0.08  # share of the width
_IN_OVERVIEW = 8  # channels of a layer in the overview


@styled
def draw_layer(features: LayerFeatures, title: str) -> Figure:
    """Draws a layer: its channels' reconstructions (or filters), and patches."""
    columns = _columns(len(features.channels))
    rows = -(-len(features.channels) // columns)
    figure = new_figure(2 * (columns * 1.45 + 0.2), rows * 1.41 + 0.85, title)
    figure.get_layout_engine().set(wspace=_BETWEEN_PANELS)
    left, right = subplots(figure, 1, 2)[0]
    _show(
        left, _left_blocks(features), features.channels, columns, _left_title(features)
    )
    _show(right, _blocks(features.patches), features.channels, columns, "image patches")
    return figure


@styled
def draw_overview(layers: Sequence[LayerFeatures], title: str) -> Figure:
    """Draws all layers in the paper's order, a few channels of each."""
    shown = [min(len(features.channels), _IN_OVERVIEW) for features in layers]
    columns = min(4, max(shown))
    heights = [0.35 + 1.43 * -(-count // columns) for count in shown]
    figure = new_figure(2.9 * columns + 0.2, sum(heights) + 0.4, title)
    figure.get_layout_engine().set(wspace=_BETWEEN_PANELS, hspace=0.02)
    axes = subplots(figure, len(layers), 2, height_ratios=heights)
    for row, features in zip(axes, layers, strict=True):
        some = slice(0, _IN_OVERVIEW)
        name, channels = layer_title(features), features.channels[some]
        heading = f"{name}: {_left_title(features)}"
        _show(row[0], _left_blocks(features)[some], channels, columns, heading)
        blocks = _blocks(features.patches[some])
        _show(row[1], blocks, channels, columns, f"{name}: image patches")
    return figure


def layer_title(features: LayerFeatures) -> str:
    """Names a layer as the paper does, with the Keras layer in brackets."""
    name = features.strongest.layer_name
    return f"layer {features.layer} ({name})" if name != features.layer else name


def _left_title(features):
    return "reconstructions" if features.filters is None else "filters"


def _left_blocks(features):
    if features.filters is None:
        return _blocks(features.reconstructions)
    return _blocks(to_uint8(features.filters)[:, None])


def _columns(count):
    return max(1, math.ceil(math.sqrt(count)))


def _blocks(images):
    """Tiles (channels, count, height, width, 3) into one square per channel."""
    times = -(-_SMALLEST // max(images.shape[2:4]))
    large = images.repeat(times, axis=2).repeat(times, axis=3)
    columns = _columns(images.shape[1])
    return np.stack([tile(channel, columns, gap=_GAP) for channel in large])


def _show(axes, blocks, channels, columns, title):
    """Blocks in rows, the number of its channel above each."""
    height, width = blocks.shape[1:3]
    scale = max(height, width) / (3 * _SMALLEST)  # so that texts stand alike everywhere
    gap = round(_BLOCK_GAP * scale)
    show_image(axes, tile(blocks, columns, gap=gap), interpolation="antialiased")
    axes.set_title(title, pad=16)  # above the first row's numbers
    for place, channel in enumerate(channels):
        row, column = divmod(place, columns)
        axes.text(
            column * (width + gap) + width / 2,
            row * (height + gap) - gap * 0.12,
            str(channel),
            ha="center",
            va="bottom",
            fontsize=7,
            color="#555555",
        )
