"""Layer 2 of a network over a set of images: projections, patches, aliasing.

Zeiler & Fergus 2014, sec. 4.1 and Fig. 6d,e.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from visualize.deconvnet.deconvnet import Deconvnet
from visualize.deconvnet.rule_sets import PAPER
from visualize.figures.features.top_features import choose_channels
from visualize.figures.filters.aliasing import share_beyond_grid
from visualize.figures.filters.statistics import convolutions, first_convolution
from visualize.images.contrast import ZERO
from visualize.images.sample import examples_at, load_pictures
from visualize.strongest.patches import cut_to_field
from visualize.strongest.searched_images import SearchedImages
from visualize.strongest.top_activations import TopActivations
from zfkeras.errors import UsageError
from zfkeras.graph.endpoints import endpoints
from zfkeras.models.classifier import Classifier
from zfkeras.records.numbers import json_number

_MOST_CHANNELS = 256  # more would tell no more of the mean


@dataclasses.dataclass(frozen=True, eq=False)
class SecondLayer:
    """The strongest activation of channels of layer 2, as seen and as projected."""

    layer_name: str  # the Keras layer, such as "norm2"
    silent: np.ndarray  # bool array (filters,)
    channels: np.ndarray  # int array (n,), those measured
    reconstructions: np.ndarray  # float array (n, height, width, 3)
    patches: np.ndarray  # uint8 array (n, height, width, 3), what is seen there
    aliasing: dict[tuple[int, int], dict[str, float]]  # by stride of a grid

    def to_json(self) -> dict:
        """Returns what the images told, for the grids of all networks compared."""
        shares = {
            f"above_1/{2 * max(stride)}_cycles_per_pixel": {
                what: json_number(value) for what, value in share.items()
            }
            for stride, share in self.aliasing.items()
        }
        return {
            "never_active": {
                "rule": "no activation above 0 in any image",
                "count": int(self.silent.sum()),
                "channels": self.silent.nonzero()[0].tolist(),
            },
            "layer_2": {
                "layer": self.layer_name,
                "channels_measured": len(self.channels),
                "share_of_power": shares,
            },
        }


def default_layer(model: keras.Model) -> str:
    """Finds where layer 2 ends: in ZFNet after its pool and normalisation."""
    try:
        return endpoints(model)[2].layer_name
    except (UsageError, KeyError):
        paths = [path for path, _ in convolutions(model)]
    if len(paths) < 2:
        raise UsageError(
            argument="--model",
            received=model.name,
            expected="one with two Conv2D layers",
        )
    return paths[1]


def look_at_second_layer(
    classifier: Classifier,
    layer: int | str,
    images: SearchedImages,
    strides: Sequence[tuple[int, int]],
    *,
    workdir: Path,
    seed: int = 0,
    batch_size: int = 128,
    rules: str = PAPER,
) -> SecondLayer:
    """Finds and projects the strongest activation of up to 256 channels of a layer."""
    model, split = classifier.model, images.split
    first, _ = first_convolution(model)
    finder = TopActivations(classifier, [first, layer], count=1)
    deconvnet = Deconvnet(model, rules=rules)
    deconvnet.require([layer])
    found = images.scan(finder, workdir, batch_size)
    channels = choose_channels(found[layer], _MOST_CHANNELS, seed)
    places = found[layer].images[channels, 0]
    positions = found[layer].positions[channels, 0]
    used, image = np.unique(places, return_inverse=True)
    examples = examples_at(split, used)
    chosen = [examples[place] for place in used]
    pictures, inputs = load_pictures(split, chosen, classifier.preprocessing)
    name, tensor = finder.tensors[layer]
    reconstructions = deconvnet.project(
        inputs,
        layer,
        channel=channels,
        position=positions if len(tensor.shape) == 4 else None,
        image=image,
    )
    field = deconvnet.field(layer)
    shown = classifier.preprocessing.to_rgb(reconstructions)
    return SecondLayer(
        name,
        found[first].dead,
        channels,
        cut_to_field(shown, field, positions),
        cut_to_field(pictures[image], field, positions, ZERO),
        {
            stride: {
                "reconstructions": _mean(share_beyond_grid(reconstructions, stride)),
                "images": _mean(share_beyond_grid(inputs, stride)[image]),
            }
            for stride in strides
        },
    )


def _mean(shares) -> float:
    """Averages the shares that are known; NaN without any."""
    known = shares[~np.isnan(shares)]
    return float(known.mean()) if known.size else float("nan")
