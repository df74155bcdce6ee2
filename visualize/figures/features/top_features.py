"""Gathers what Fig. 2 shows of a layer."""

import dataclasses
from collections.abc import Callable, Sequence

import keras
import numpy as np

from visualize.deconvnet.deconvnet import Deconvnet
from visualize.images.contrast import ZERO, to_uint8
from visualize.images.objects import ObjectTally
from visualize.images.sample import examples_at, load_pictures
from visualize.strongest.patches import boxes, cut
from visualize.strongest.top_activations import Strongest, TopActivations
from zfkeras.data.split import Split
from zfkeras.errors import RunError, UsageError
from zfkeras.graph.boxes import Boxes, Span
from zfkeras.graph.layer_graph import LayerGraph

# Pairs that are in memory at once: on ZFNet, 64 inputs and reconstructions of 600 kB.
_PAIRS_AT_ONCE = 64
# Another batch size rounds otherwise: in float32 by 1e-6, in bfloat16 by 1e-2.
_TOLERANCE = 0.02


@dataclasses.dataclass(frozen=True, eq=False)
class LayerFeatures:
    """Some channels of a layer, each with its strongest activations."""

    layer: int | str  # as it was asked for: the paper's number or a name
    field: Boxes  # receptive field of the layer
    knows_field: bool  # whether it is
    pools_maxima: bool  # if not, the image hardly counts
    channels: np.ndarray  # int array (k,), those shown
    strongest: Strongest  # of these channels, k rows of `count`
    is_shown: np.ndarray  # bool array (k, count): the activation is above 0
    ids: list[list[str]]  # names of the images, k lists of `count`
    boxes: np.ndarray  # int64 array (k, count, 4)
    patches: np.ndarray  # uint8 array (k, count, height, width, 3)
    reconstructions: np.ndarray
    filters: np.ndarray | None  # float array (k, height, width, 3)
    recomputation_error: float
    on_objects: dict | None = None


def choose_channels(
    strongest: Strongest, request: int | Sequence[int], seed: int = 0
) -> np.ndarray:
    """Decides which channels of a layer to show.

    Returns int array (k,).
    """
    count = len(strongest.values)
    if not isinstance(request, int):
        check_channels(request, count, strongest.layer_name)
        return np.array(request, np.int64)
    alive = np.flatnonzero(~strongest.dead)
    alive = alive if len(alive) else np.arange(count)
    random = np.random.default_rng([seed, *strongest.layer_name.encode()])
    return np.sort(random.choice(alive, min(request, len(alive)), replace=False))


def check_channels(request: int | Sequence[int], count: int, layer_name: str) -> None:
    """Raises `UsageError` for channels that a layer does not have."""
    asked = [] if isinstance(request, int) else request
    wrong = [channel for channel in asked if not 0 <= channel < count]
    if wrong:
        raise UsageError(
            argument="--channels",
            received=wrong[0],
            expected=f"from 0 to {count - 1} in layer {layer_name}",
        )


def mean_num_classes(strongest: Strongest) -> float:
    """Averages, over active channels, how many classes their images have; or NaN."""
    labels = np.where(strongest.values > 0, strongest.labels, -1)
    labels = labels[(labels >= 0).any(axis=1)]
    if not len(labels):
        return float("nan")
    is_new = np.diff(np.sort(labels, axis=1), axis=1, prepend=-1) > 0
    return float(is_new.sum(axis=1).mean())


def layer_features(
    finder: TopActivations,
    deconvnet: Deconvnet,
    layer: int | str,
    strongest: Strongest,
    channels: np.ndarray,
    split: Split,
    mask_of: Callable[[str], np.ndarray] | None = None,
) -> LayerFeatures:
    """Rereads and projects the strongest activations of some channels.

    channels: int array (k,).
    """
    top = dataclasses.replace(
        strongest,
        values=strongest.values[channels],
        images=strongest.images[channels],
        labels=strongest.labels[channels],
        positions=strongest.positions[channels],
    )
    _, tensor = finder.tensors[layer]
    preprocessing = finder.preprocessing
    height, width, _ = preprocessing.input_shape
    known = deconvnet.field(layer)
    field = known or Boxes(Span(0, height, 0), Span(0, width, 0))
    field_boxes = boxes(field, top.positions)
    shape = (*top.images.shape, min(field.size[0], height), min(field.size[1], width))
    patches = np.full((*shape, 3), ZERO, np.uint8)
    reconstructions = patches.copy()
    is_shown = top.values > 0
    examples = examples_at(split, top.images[is_shown])
    pairs, largest_error = np.argwhere(is_shown), 0.0
    tally = None
    if mask_of is not None and examples:
        masks = {place: mask_of(example["id"]) for place, example in examples.items()}
        tally = ObjectTally(masks)
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        rows = tuple(pairs[start : start + _PAIRS_AT_ONCE].T)
        used, which = np.unique(top.images[rows], return_inverse=True)
        pictures, inputs = load_pictures(
            split, [examples[place] for place in used], preprocessing
        )
        unit = (channels[rows[0]], top.positions[rows])
        error = _check_same(finder, layer, inputs[which], unit, top.values[rows])
        largest_error = max(largest_error, error)
        has_place = len(tensor.shape) == 4
        projected = deconvnet.project(
            inputs, layer, unit[0], unit[1] if has_place else None, image=which
        )
        if tally is not None:
            tally.add(projected, top.images[rows])
        patches[rows] = cut(pictures[which], field_boxes[rows])
        projected = preprocessing.to_rgb(projected)
        reconstructions[rows] = to_uint8(cut(projected, field_boxes[rows], fill=0))
    names = {place: example["id"] for place, example in examples.items()}
    return LayerFeatures(
        layer,
        field,
        known is not None,
        LayerGraph(deconvnet.model).pools_maxima(layer),
        channels,
        top,
        is_shown,
        [
            [names[place] if shown else "" for place, shown in zip(*row, strict=True)]
            for row in zip(top.images.tolist(), is_shown, strict=True)
        ],
        field_boxes,
        patches,
        reconstructions,
        _first_filters(tensor, channels, preprocessing),
        largest_error,
        tally and tally.summary(),
    )


def _check_same(finder, layer, inputs, unit, recorded) -> float:
    """Returns the largest relative error of recomputed activations, at most 2 %."""
    again = finder.activations(inputs, layer, *unit)
    size = np.maximum(np.abs(recorded), 1e-3 * np.abs(recorded).max())
    difference = np.abs(again - recorded) / np.maximum(size, 1e-30)
    worst = int(np.argmax(difference))
    if difference[worst] > _TOLERANCE:
        raise RunError(
            f"layer {layer} channel {unit[0][worst]} gave {recorded[worst]:.6g} when "
            f"scanned and gives {again[worst]:.6g} now: the images have changed; "
            "use another --workdir, or remove the scan from this one."
        )
    return float(difference[worst])


def _first_filters(tensor, channels, preprocessing):
    """Returns kernels of the first convolution, if `tensor` has a map of each."""
    conv, below = _made_by(tensor)
    while type(conv).__name__ in _KEEP_CHANNELS:
        conv, below = _made_by(below)
    if not isinstance(conv, keras.layers.Conv2D):
        return None
    pad, image = _made_by(below)
    while isinstance(pad, keras.layers.ZeroPadding2D):
        pad, image = _made_by(image)
    kernel = np.asarray(conv.kernel, np.float32)
    if not isinstance(pad, keras.layers.InputLayer):
        return None
    return preprocessing.to_rgb(kernel.transpose(3, 0, 1, 2)[channels])


def _made_by(tensor):
    """Returns the operation that made a tensor, and what it read (or `None`)."""
    operation, node_index, _ = tensor._keras_history
    sources = operation._inbound_nodes[node_index].input_tensors
    return operation, sources[0] if sources else None


_KEEP_CHANNELS = {
    "Activation",
    "BatchNormalization",
    "LocalResponseNormalization",
    "MaxPoolWithArgmax",
    "MaxPooling2D",
    "ReLU",
}
