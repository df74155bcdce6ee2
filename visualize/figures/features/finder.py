"""Finds what Fig. 2 shows: scans the images, chooses channels and projects them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from visualize.deconvnet.deconvnet import Deconvnet
from visualize.figures.features.top_features import (
    LayerFeatures,
    check_channels,
    choose_channels,
    layer_features,
)
from visualize.images.objects import mask_finder
from visualize.strongest.distinct import count_to_scan, keep_one_each, photograph_finder
from visualize.strongest.top_activations import Strongest, TopActivations
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.register import Source
from zfkeras.data.split import Split
from zfkeras.models.classifier import Classifier


class FeatureFinder:
    """Finds the strongest activations of channels and projects them.

    Zeiler & Fergus 2014, sec. 4.1 and Fig. 2.
    """

    def __init__(self, classifier: Classifier, layers: Sequence[int | str], top: int):
        self._top = top
        self._scanner = TopActivations(classifier, layers, top)
        self._deconvnet = Deconvnet(self._scanner.model)
        self._deconvnet.require(layers)

    def find(
        self,
        source: Source,
        split: Split,
        channels: int | Sequence[int],
        *,
        state_path: Path,
        data: str,
        bad_images: BadImages,
        batch_size: int = 128,
        seed: int = 0,
    ) -> Iterator[tuple[LayerFeatures, Strongest]]:
        """Scans the images once, then yields (shown, all activations) by layer."""
        for name, count in self._scanner.layers:
            check_channels(channels, count, name)
        photograph_of = photograph_finder(source)
        self._scanner.count = count_to_scan(source, self._top)
        found = self._scanner.scan(
            split,
            batch_size=batch_size,
            state_path=state_path,
            data=data,
            bad_images=bad_images,
            show_progress=True,
        )
        if photograph_of is not None:
            found = {
                layer: keep_one_each(strongest, self._top, split, photograph_of)
                for layer, strongest in found.items()
            }
        chosen = {
            layer: choose_channels(strongest, channels, seed)
            for layer, strongest in found.items()
        }
        mask_of = mask_finder(source, self._scanner.preprocessing)
        for layer, shown in tqdm(chosen.items(), "project", unit=" layers"):
            features = layer_features(
                self._scanner,
                self._deconvnet,
                layer,
                found[layer],
                shown,
                split,
                mask_of,
            )
            yield features, found[layer]
