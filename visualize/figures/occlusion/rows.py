"""Gathers the rows of Fig. 7: an image, its occlusion maps, and projections."""

import dataclasses
import logging
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from visualize.deconvnet.deconvnet import Deconvnet
from visualize.figures.occlusion.maps import OcclusionMaps
from visualize.figures.occlusion.sliding_occluder import SlidingOccluder
from visualize.images.chosen import ChosenImage
from visualize.images.contrast import to_uint8
from visualize.images.localization import localization
from visualize.images.sample import examples_at, load_pictures
from visualize.strongest.searched_images import SearchedImages
from visualize.strongest.top_activations import TopActivations
from zfkeras.errors import UsageError
from zfkeras.graph.layer_graph import LayerGraph
from zfkeras.passes.context import Context
from zfkeras.records.numbers import json_rows

NUM_OTHERS = 3  # images beside the one itself in column c

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, eq=False)
class OcclusionRow:
    """One image of Fig. 7."""

    image: ChosenImage  # the image
    title: str  # its true class, or the most likely one where that is not known
    picture: np.ndarray  # uint8 array (height, width, 3), what the network sees
    maps: OcclusionMaps  # what was measured
    heading: str  # names the layer of the feature map
    # float32 array (height, width, 3); `None`: a layer has no rule
    reconstruction: np.ndarray | None
    # uint8 array (1 + n, height, width, 3): projections of this image and of others, or
    # the images themselves
    cells: np.ndarray
    other_names: list[str]  # of the others

    @property
    def note(self) -> str:
        """What is to be said beside the title: where it is the network's own guess."""
        return "" if self.image.label is not None else "(most likely)"

    @property
    def lowest_activation(self) -> float | None:
        """Lowest share of the activation under a square; `None` if it has no sense."""
        lowest, activation = self.maps.activations.min(), self.maps.activation
        return float(lowest / activation) if activation > 0 <= lowest else None

    @property
    def lift(self) -> float | None:
        """Mean fall of the activation, weighted by the projection, over its mean."""
        if self.reconstruction is None:
            return None
        fall = np.maximum(self.maps.activation - self.maps.activation_map, 0)
        energy = np.square(self.reconstruction, dtype=np.float64).sum(axis=-1)
        if fall.sum() <= 0 or energy.sum() <= 0:
            return None
        return float((fall * energy).sum() / energy.sum() / fall.mean())

    @property
    def fall(self) -> np.ndarray:
        """(height, width): how far the probability falls where the square hides."""
        return self.maps.probability - self.maps.probability_map

    @property
    def on_object(self) -> dict | None:
        """`localization` of the fall; `None` without a mask or a right answer."""
        mask, maps = self.image.mask, self.maps
        if mask is None or maps.predicted != self.image.label:
            return None
        if not 0 < mask.sum() < mask.size:
            return None
        row, column = np.unravel_index(maps.probabilities.argmin(), maps.labels.shape)
        y = maps.tops[row] + maps.patch_size[0] // 2
        x = maps.lefts[column] + maps.patch_size[1] // 2
        return {
            **localization(self.fall, mask),
            "worst_square_on_object": bool(mask[y, x]),
        }

    def to_json(self, class_names: Sequence[str]) -> dict:
        """Returns the row as JSON values."""
        maps = self.maps
        known = self.image.label is not None
        return {
            "image": self.image.name,
            "class_name": class_names[maps.label],
            "class_is": "true" if known else "most likely",
            "layer": self.heading,
            "channel": maps.channel,
            "patch_size": [*maps.patch_size],
            "tops": maps.tops.tolist(),
            "lefts": maps.lefts.tolist(),
            "unoccluded": {
                "probability": maps.probability,
                "label": class_names[maps.predicted],
                "activation": maps.activation,
            },
            "lowest_probability": float(maps.probabilities.min()),
            "lowest_share_of_activation": self.lowest_activation,
            "is_projected": self.reconstruction is not None,
            "activation_fall_where_projected": self.lift,
            "on_object": self.on_object,
            "other_images": self.other_names,
            "probabilities": json_rows(maps.probabilities),
            "activations": json_rows(maps.activations),
            "labels": [[class_names[one] for one in row] for row in maps.labels],
        }


def default_patch(side: int) -> tuple[int, int]:
    """Returns size and stride of the square: 50 and 8 pixels at 224, in proportion."""
    return max(1, round(side * 50 / 224)), max(1, round(side * 8 / 224))


def make_rows(
    context: Context,
    settings,
    images: Sequence[ChosenImage],
    searched: SearchedImages,
) -> list[OcclusionRow]:
    """Measures and projects all that Fig. 7 shows."""
    classifier = context.classifier(settings.model, settings)
    model, preprocessing = classifier.model, classifier.preprocessing
    graph = LayerGraph(model)
    layer = graph.stand_in(5) if settings.layer is None else settings.layer
    size, stride = default_patch(min(preprocessing.input_shape[:2]))
    size = settings.patch_size or size
    occluder = SlidingOccluder(model, layer)
    deconvnet = _deconvnet(model, layer, settings.rules)
    finder = TopActivations(classifier, [layer], NUM_OTHERS + 1)
    inputs = [preprocessing.centre_crop(image.square) for image in images]
    context.claim_workdir()
    pairs = [*zip(images, inputs, strict=True)]
    maps = [
        occluder.maps(
            pixels,
            patch_size=size,
            patch_stride=settings.patch_stride or min(stride, size),
            occlusion_value=_value(settings.fill, preprocessing),
            channel=settings.channel,
            label=image.label,
            batch_size=settings.batch_size,
        )
        for image, pixels in tqdm(pairs, "occlude", unit=" images")
    ]
    channels = np.array([one.channel for one in maps])
    own = [None] * len(images)
    if deconvnet is not None:
        own = deconvnet.project(np.stack(inputs), layer, channel=channels)
    strongest = searched.scan(finder, context.workdir, settings.batch_size)[layer]
    rows = []
    for (image, pixels), measured, shown in zip(pairs, maps, own, strict=True):
        places = _strongest_places(strongest, measured.channel)
        pictures, others, names = _elsewhere(
            searched.split, places, pixels, preprocessing
        )
        picture = preprocessing.view(image.square)
        cells = np.stack([picture, *pictures])
        if shown is not None:
            if len(others):
                others = deconvnet.project(others, layer, channel=measured.channel)
            shown = preprocessing.to_rgb(shown)
            cells = to_uint8(np.stack([shown, *preprocessing.to_rgb(others)]))
        rows.append(
            OcclusionRow(
                image,
                classifier.class_names[measured.label],
                picture,
                measured,
                graph.heading(layer),
                shown,
                cells,
                names,
            )
        )
    return rows


def _deconvnet(model, layer, rules) -> Deconvnet | None:
    """Returns a deconvnet that projects a layer; `None` if a layer has no rule."""
    deconvnet = Deconvnet(model, rules=rules)
    try:
        deconvnet.require([layer])
    except UsageError as err:
        _log.warning("images are shown in place of projections: %s", err)
        return None
    return deconvnet


def _strongest_places(strongest, channel) -> np.ndarray:
    """Returns the places of the images that bring a channel above 0."""
    return strongest.images[channel][strongest.values[channel] > 0]


def _elsewhere(split, places, own, preprocessing):
    """Reads up to three images that are not `own`: pictures, inputs and names."""
    examples = examples_at(split, places)
    chosen = [examples[place] for place in places.tolist()]
    pictures, inputs = load_pictures(split, chosen, preprocessing)
    is_other = [not np.array_equal(one, own) for one in inputs]
    kept = np.flatnonzero(is_other)[:NUM_OTHERS]
    return pictures[kept], inputs[kept], [chosen[place]["id"] for place in kept]


def _value(fill, preprocessing):
    """Returns a grey of 0-255 as the network reads it, at each pixel."""
    if fill is None:
        return 0.0
    grey = np.full_like(preprocessing.mean_image, fill)
    return preprocessing.view(preprocessing.normalized(grey))
