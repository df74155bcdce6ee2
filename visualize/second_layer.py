"""Layer 2 of a network over a set of images: projections, patches, aliasing.

Zeiler & Fergus 2014, sec. 4.1 and Fig. 6d,e. The same pass over the images says which
first-layer filters never are active.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from visualize.aliasing import share_beyond_grid
from visualize.contrast import ZERO
from visualize.deconvnet import Deconvnet
from visualize.filter_statistics import convolutions, first_convolution
from visualize.patches import boxes, cut, known_field
from visualize.sample import examples_at, load_pictures
from visualize.top_activations import TopActivations
from visualize.top_features import choose_channels
from zfkeras.data.bad_images import BadImages
from zfkeras.data.splits import Split
from zfkeras.errors import UsageError
from zfkeras.models.classifier import Classifier
from zfkeras.models.endpoints import endpoints

_MOST_CHANNELS = 256  # more would tell no more of the mean


@dataclasses.dataclass(frozen=True, eq=False)
class SecondLayer:
    """The strongest activation of channels of layer 2, as seen and as projected.

    Args:
        layer_name: the Keras layer, such as "norm2".
        silent: bool array (filters,), first-layer filters without an activation above 0
            in any image.
        channels: int array (n,), those measured.
        reconstructions: float array (n, height, width, channels of the image),
            projections cut to the receptive field.
        patches: uint8 array (n, height, width, 3), what is seen there.
        aliasing: stride (vertical, horizontal) -> mean share of the power, 0 to 1, that
            is beyond half the sampling frequency of a grid of that stride, in whole
            "reconstructions" and in the whole "images".
    """

    layer_name: str
    silent: np.ndarray
    channels: np.ndarray
    reconstructions: np.ndarray
    patches: np.ndarray
    aliasing: dict[tuple[int, int], dict[str, float]]


def default_layer(model: keras.Model) -> str:
    """Where layer 2 ends: in ZFNet after its pool and normalisation.

    Args:
        model: any Keras model; of others than `ZFNet` makes, the second convolution.

    Raises:
        UsageError: it has no second convolution.
    """
    try:
        return endpoints(model)[2].layer_name
    except (UsageError, KeyError):
        paths = [path for path, _ in convolutions(model)]
    if len(paths) < 2:
        raise UsageError("--model must have two Conv2D layers for layer 2 to be shown.")
    return paths[1]


def look_at_second_layer(
    classifier: Classifier,
    layer: int | str,
    split: Split,
    strides: Sequence[tuple[int, int]],
    *,
    seed: int = 0,
    batch_size: int = 128,
    state_path: Path | None = None,
    data: str = "",
    bad_images: BadImages | None = None,
    show_progress: bool = False,
) -> SecondLayer:
    """Finds and projects the strongest activation of up to 256 channels of a layer.

    Args:
        classifier: the network.
        layer: what to take for layer 2, such as `default_layer` names.
        split: the images.
        strides: (vertical, horizontal) steps in pixels for which to measure aliasing.
        seed: fixes which channels, and in which order.
        batch_size: images that go through the network at once.
        state_path: file that keeps the pass over the images. `None`: none.
        data: names the data; part of what makes a kept pass valid.
        bad_images: learns of the images that cannot be read.
        show_progress: whether to show a progress bar.

    Raises:
        UsageError: a layer on the way down that no rule serves.
        RunError: an image can no longer be read.
    """
    model, preprocessing = classifier.model, classifier.preprocessing
    first, _ = first_convolution(model)
    finder = TopActivations(classifier, [first, layer], count=1)
    deconvnet = Deconvnet(model)
    deconvnet.require([layer])
    found = finder.scan(
        split,
        batch_size=batch_size,
        state_path=state_path,
        data=data,
        bad_images=bad_images,
        show_progress=show_progress,
    )
    channels = choose_channels(found[layer], _MOST_CHANNELS, seed)
    places = found[layer].images[channels, 0]
    positions = found[layer].positions[channels, 0]
    used, image = np.unique(places, return_inverse=True)
    examples = examples_at(split, used)
    pictures, inputs = load_pictures(
        split, [examples[place] for place in used], preprocessing
    )
    tensor = finder.tensors[layer][1]
    has_place = len(tensor.shape) == 4
    reconstructions = deconvnet.project(
        inputs,
        layer,
        channel=channels,
        position=positions if has_place else None,
        image=image,
    )
    field = known_field(model, tensor)

    def cut_out(images, fill):
        if field is None:
            return images
        return cut(images, boxes(field, positions), fill)

    return SecondLayer(
        finder.tensors[layer][0],
        found[first].dead,
        channels,
        cut_out(reconstructions, 0),
        cut_out(pictures[image], ZERO),
        {
            stride: {
                "reconstructions": _mean(share_beyond_grid(reconstructions, stride)),
                "images": _mean(share_beyond_grid(inputs, stride)[image]),
            }
            for stride in strides
        },
    )


def _mean(shares) -> float:
    known = shares[~np.isnan(shares)]
    return float(known.mean()) if known.size else float("nan")
