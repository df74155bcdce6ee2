"""Projects each channel's strongest activation at each snapshot of a training."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from visualize.deconvnet.deconvnet import Deconvnet
from visualize.deconvnet.rule_sets import PAPER
from visualize.figures.evolution.convergence import (
    changed_share,
    mean_similarity,
    settled_epoch,
)
from visualize.figures.evolution.snapshots import take_weights
from visualize.figures.features.top_features import choose_channels
from visualize.images.sample import examples_at, load_crops
from visualize.strongest.patches import cut_to_field
from visualize.strongest.searched_images import SearchedImages
from visualize.strongest.top_activations import Strongest, TopActivations
from zfkeras.errors import RunError
from zfkeras.models.classifier import Classifier


@dataclasses.dataclass(frozen=True, eq=False)
class LayerHistory:
    """How a layer's features change from snapshot to snapshot."""

    layer_name: str  # the Keras layer, such as "norm1"
    channels: np.ndarray  # int array (channels,), those shown
    epochs: tuple[int, ...]  # of the snapshots, rising
    activations: np.ndarray  # float array (channels, epochs)
    images: np.ndarray  # int array (channels, epochs)
    positions: np.ndarray  # int array (channels, epochs, 2), the unit (y, x)
    reconstructions: np.ndarray  # float array (channels, epochs, height, width, 3)
    to_next: tuple[float, ...]
    to_last: tuple[float, ...]  # the same, to the last snapshot
    changed: tuple[float, ...]

    @property
    def settled(self) -> int | None:
        """The epoch from which on the layer stays close to the last snapshot."""
        return settled_epoch(self.epochs, self.to_last)


class FeatureHistory:
    """Follows channels of some layers through the snapshots of a training.

    Zeiler & Fergus 2014, sec. 4, "Feature Evolution during Training", and Fig. 4.
    """

    def __init__(
        self,
        classifier: Classifier,
        snapshots: Mapping[int, Path],
        layers: Sequence[int | str],
        images: SearchedImages,
        *,
        workdir: Path,
        num_channels: int = 6,
        seed: int = 0,
        batch_size: int = 128,
        rules: str = PAPER,
    ):
        self.model = classifier.model
        self.preprocessing = classifier.preprocessing
        self.snapshots = dict(sorted(snapshots.items()))
        self.finder = TopActivations(classifier, layers, count=1)
        self.deconvnet = Deconvnet(self.model, rules=rules)
        self.deconvnet.require(layers)
        self.images, self.workdir = images, workdir
        self.num_channels, self.seed = num_channels, seed
        self.batch_size = batch_size

    def follow(self, probes: np.ndarray) -> dict[int | str, LayerHistory]:
        """Scans the images at each snapshot and projects the strongest activations.

        probes: float array (n, crop, crop, 3), on which snapshots are compared.
        """
        *epochs, last_epoch = self.snapshots
        last = self._look(last_epoch, probes)
        looks, to_next, to_last = [], [], []
        for epoch in epochs:
            looks.append(self._look(epoch, probes, last.channels))
            to_last.append(looks[-1].similarity(last))
            if len(looks) > 1:
                to_next.append(looks[-2].similarity(looks[-1]))
                looks[-2] = looks[-2].without_probes()  # they are large
        to_next.append(looks[-1].similarity(last))
        to_last.append(last.similarity(last))
        looks.append(last)
        return {
            layer: _history(layer, tuple(self.snapshots), looks, to_next, to_last)
            for layer in self.finder.tensors
        }

    def _look(self, epoch, probes, channels=None) -> "_Look":
        """Finds and projects what is strongest at a snapshot."""
        take_weights(self.model, self.snapshots[epoch])
        found = self.images.scan(self.finder, self.workdir, self.batch_size)
        channels = channels or self._draw(found)
        return _Look(
            found,
            channels,
            self._reconstructions(found, channels),
            self._on_probes(probes, channels),
        )

    def _draw(self, found: Mapping[int | str, Strongest]) -> dict:
        """Draws some of each layer's active channels, in rising order."""
        for strongest in found.values():
            if strongest.dead.all():
                raise RunError(
                    f"layer {strongest.layer_name} has no active channel in the last "
                    "snapshot: the training has failed, or the data do not fit."
                )
        return {
            layer: choose_channels(strongest, self.num_channels, self.seed)
            for layer, strongest in found.items()
        }

    def _reconstructions(self, found, channels) -> dict:
        """Projects strongest activations: layer -> (channels, height, width, 3)."""
        split = self.images.split
        rows = {layer: found[layer].images[c, 0] for layer, c in channels.items()}
        examples = examples_at(split, np.concatenate(list(rows.values())))
        patches = {}
        for layer, places in rows.items():
            crops = load_crops(split, [examples[p] for p in places], self.preprocessing)
            where = found[layer].positions[channels[layer], 0]
            name, tensor = self.finder.tensors[layer]
            shown = self.deconvnet.project(
                crops,
                name,
                channel=channels[layer],
                position=where if len(tensor.shape) == 4 else None,
            )
            field = self.deconvnet.field(name)
            patches[layer] = cut_to_field(shown, field, where)
        return patches

    def _on_probes(self, probes, channels) -> dict:
        """Projects the probes: layer -> (channels * probes, height, width, 3)."""
        return {
            layer: self.deconvnet.project(
                probes,
                self.finder.tensors[layer][0],
                channel=np.repeat(chosen, len(probes)),
                image=np.tile(np.arange(len(probes)), len(chosen)),
            )
            for layer, chosen in channels.items()
        }


@dataclasses.dataclass(frozen=True, eq=False)
class _Look:
    """What is found at one snapshot; everything is keyed by layer."""

    found: Mapping[int | str, Strongest]
    channels: Mapping[int | str, np.ndarray]
    reconstructions: Mapping[int | str, np.ndarray]
    on_probes: Mapping[int | str, np.ndarray]

    def similarity(self, other: "_Look") -> dict:
        return {
            layer: mean_similarity(shown, other.on_probes[layer])
            for layer, shown in self.on_probes.items()
        }

    def without_probes(self) -> "_Look":
        return dataclasses.replace(self, on_probes={})


def _history(layer, epochs, looks, to_next, to_last) -> LayerHistory:
    channels = looks[0].channels[layer]
    found = [look.found[layer] for look in looks]
    images = [strongest.images[:, 0] for strongest in found]
    shown = [look.reconstructions[layer] for look in looks]
    return LayerHistory(
        layer_name=found[0].layer_name,
        channels=channels,
        epochs=epochs,
        activations=np.stack([s.values[channels, 0] for s in found], axis=1),
        images=np.stack([places[channels] for places in images], axis=1),
        positions=np.stack([s.positions[channels, 0] for s in found], axis=1),
        reconstructions=np.stack(shown, axis=1),
        to_next=tuple(similarity[layer] for similarity in to_next),
        to_last=tuple(similarity[layer] for similarity in to_last),
        changed=tuple(map(changed_share, images[:-1], images[1:])),
    )
