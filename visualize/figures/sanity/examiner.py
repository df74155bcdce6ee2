"""Examines layer after layer of a network and of its random twin."""

from collections.abc import Mapping

import numpy as np

from visualize.deconvnet.deconvnet import METHODS, Deconvnet
from visualize.figures.sanity.masking import PixelTest
from visualize.figures.sanity.measures import (
    Shown,
    measure_units,
    project_units,
    replace_weights,
)
from visualize.figures.sanity.signals import SignalProjector
from visualize.figures.sanity.twin import Twin
from visualize.figures.sanity.units import FEWEST, TOP, choose_channels, read_units
from visualize.figures.sanity.verdict import LayerResult
from visualize.images.objects import mask_finder
from visualize.images.sample import draw_sample, load_probes
from visualize.strongest.distinct import count_to_scan, one_per_photograph
from visualize.strongest.searched_images import searched_images
from visualize.strongest.top_activations import TopActivations
from zfkeras.graph.layer_graph import LayerGraph

_CALIBRATED_ON = 32  # images that the random twin's normalisations are measured on


class Examiner:
    """A network, its random twin, and the units of both that are examined."""

    def __init__(self, context, settings):
        self.settings = settings
        self.images = searched_images(context, settings)
        classifier = context.classifier(settings.model, settings)
        self.preprocessing = classifier.preprocessing
        self.graph = LayerGraph(classifier.model)
        self.layers = self.graph.lowest_first(
            settings.layers or self.graph.usual_layers()
        )
        for method in METHODS:
            deconvnet = Deconvnet(classifier, method=method, rules=settings.rules)
            deconvnet.require(self.layers)
        self.field_of = deconvnet.field
        context.claim_workdir()
        split = self.images.source.split(self.images.split_name)
        sample = draw_sample(split, _CALIBRATED_ON, settings.seed)
        probes = load_probes(sample, self.preprocessing, self.images.bad_images)
        self.twin = Twin(classifier.model, self.layers, probes, settings.seed)
        count = count_to_scan(self.images.source, TOP)
        self.finder = TopActivations(
            self.twin.model, self.layers, count, self.preprocessing
        )
        self.mask_of = mask_finder(self.images.source, self.preprocessing)
        self.found = self._scan(context)
        self.twin.replace_all()
        self.found_of_twin = self._scan(context)

    def examine(
        self, layer: int | str
    ) -> tuple[LayerResult, Shown, Shown, Mapping[str, np.ndarray]] | None:
        """Runs all tests of a layer; `None` where too few channels are active.

        Returns what they found, and the pictures that `draw_sanity` takes.
        """
        count, seed = self.settings.channels, self.settings.seed
        channels, channels_of_twin = (
            choose_channels(found[layer], count, seed)
            for found in (self.found, self.found_of_twin)
        )
        if min(len(channels), len(channels_of_twin)) < FEWEST:
            return None
        name, tensor = self.finder.tensors[layer]
        projector = SignalProjector(
            self.twin.model, layer, count * TOP, self.settings.rules
        )
        pixels = PixelTest(self.twin.model, tensor)
        self.twin.restore()
        field = self.field_of(layer)
        units = self._read(self.found[layer], channels, field)
        own = project_units(units, projector)
        tested = measure_units(own, projector, pixels, seed)
        likeness, stages = replace_weights(self.twin, layer, own, projector)
        # By now all that the layer depends on is random.
        units = self._read(self.found_of_twin[layer], channels_of_twin, field)
        twin = project_units(units, projector)
        result = LayerResult(
            self.graph.heading(layer),
            name,
            self.graph.pools_maxima(layer),
            tested,
            measure_units(twin, projector, pixels, seed),
            likeness,
        )
        return result, own, twin, stages

    def _scan(self, context):
        found = self.images.scan(self.finder, context.workdir, self.settings.batch_size)
        return {
            layer: one_per_photograph(strongest, TOP, self.images)
            for layer, strongest in found.items()
        }

    def _read(self, strongest, channels, field):
        return read_units(
            strongest,
            channels,
            field,
            self.images.split,
            self.preprocessing,
            self.mask_of,
        )
