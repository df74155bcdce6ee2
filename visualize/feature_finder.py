"""From a network and images to what Fig. 2 shows of its layers.

It joins the pass over the images, the choice of channels and their projection; it
draws and writes nothing but the state of the pass.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from visualize.deconvnet import Deconvnet
from visualize.distinct import count_to_scan, keep_one_each, photograph_finder
from visualize.objects import mask_finder
from visualize.top_activations import Strongest, TopActivations
from visualize.top_features import (
    LayerFeatures,
    check_channels,
    choose_channels,
    layer_features,
)
from zfkeras.data.bad_images import BadImages
from zfkeras.data.sources import Source
from zfkeras.data.splits import Split
from zfkeras.models.classifier import Classifier


class FeatureFinder:
    """Finds the strongest activations of channels and projects them.

    Zeiler & Fergus 2014, sec. 4.1 and Fig. 2. Of crops of the built-in photographs
    each photograph counts once, with its strongest crop.

    Args:
        classifier: the network.
        layers: the paper's numbers (1 to 7) or names of layers.
        top: how many images for each channel.

    Raises:
        UsageError: a layer that is not there, or cannot be projected.
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
        """Passes once over the images, then projects a layer at a time.

        Args:
            source: where the images are.
            split: those of them to look at.
            channels: how many of each layer, drawn among the active ones, or which.
            state_path: file that keeps the pass over the images.
            data: names the images; part of what makes a kept pass valid.
            bad_images: learns of the images that cannot be read.
            batch_size: images that go through the network at once.
            seed: fixes which channels.

        Yields:
            The features shown of a layer, and the strongest activations of all of it.

        Raises:
            UsageError: a channel that a layer does not have.
            RunError: too many images cannot be read.
        """
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
