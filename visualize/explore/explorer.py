"""Answers the questions of the page, as JSON values."""

import dataclasses
import functools

import numpy as np

from visualize.deconvnet.rule_sets import PAPER
from visualize.explore.album import Album
from visualize.explore.command import ExploreSettings
from visualize.explore.network import ExploredNetwork, Look, Unit
from visualize.explore.pictures import grey, png
from visualize.explore.search import StrongestSearch
from visualize.images.contrast import to_uint8
from visualize.images.sample import draw_sample
from visualize.strongest.searched_images import searched_images
from zfkeras.data.sources.photographs import photographs
from zfkeras.errors import UsageError
from zfkeras.io.progress import Progress
from zfkeras.models.classifier import Classifier
from zfkeras.passes.context import Context

TOP_CLASSES = 5
STRIP = 13  # channels of a layer at first: two lines of seven with the button
_AT_POINT = 4  # units of each layer that are shown for a point of the photograph
_FEEDING = 8
_LOOKS = 8  # photographs whose maps stay in memory
#: Stands for a network that is no file.
LIVE = "the network given to open_explorer"
_CROPS, _WHOLE = "photographs", "photographs:whole"


class Explorer:
    """A network, photographs, and what the page asks of both.

    One question is answered at a time. The search for the strongest images goes on
    beside it.
    """

    def __init__(
        self, classifier: Classifier, context: Context, settings: ExploreSettings
    ):
        self.settings = settings
        self.network = ExploredNetwork(classifier, settings.rules)
        images = searched_images(context, settings)
        # People look at whole photographs; strong activations are sought in crops.
        shown = _WHOLE if images.source.spec == _CROPS else images.source.spec
        source = context.source(shown)
        name = source.split_name(settings.split)
        split = draw_sample(source.split(name), settings.max_images, settings.seed)
        self.album = Album(source, split, classifier.preprocessing)
        self._credits = photographs() if shown == _WHOLE else ()
        layers = [layer.key for layer in self.network.layers.values()]
        self.search = StrongestSearch(classifier, layers, images, settings.batch_size)
        self._look = functools.lru_cache(_LOOKS)(self._compute_look)

    def about(self) -> dict:
        """Describes the network and the data."""
        network = self.network
        height, width, _ = network.classifier.preprocessing.input_shape
        return {
            "model": str(self.settings.model),
            "data": self.settings.data,
            "rules": network.rules,
            "input": [height, width],
            "classes": len(network.classifier.class_names),
            "photographs": self.album.size,
            "searched": self.search.progress.total,
            "answer": str(network.answer.key),
            "parts": ["fed by", "strongest", "occlusion"],
            "credits": [dataclasses.asdict(one) for one in self._credits],
            "layers": [
                {
                    "layer": str(layer.key),
                    "name": layer.path,
                    "title": layer.title,
                    "shape": [*layer.shape],
                    "field": [*layer.field.size],
                    "knows_field": layer.knows_field,
                    "spans": [
                        dataclasses.asdict(span)
                        for span in (layer.field.rows, layer.field.columns)
                    ],
                    "refusal": layer.refusal,
                }
                for layer in network.layers.values()
            ],
        }

    def photograph(self, key: str) -> dict:
        """Answers with the likeliest classes and the strongest maps of each layer."""
        look, photograph = self._look(key), self.album.find(key)
        names = self.network.classifier.class_names
        best = np.argsort(-look.probabilities, kind="stable")[:TOP_CLASSES]
        return {
            "photo": key,
            "name": photograph.name,
            "class_name": photograph.class_name,
            "classes": [
                {
                    "channel": int(label),
                    "name": names[label],
                    "probability": float(look.probabilities[label]),
                }
                for label in best
            ],
            "layers": [
                {"layer": layer, "channels": self._channels(look, layer, 0, STRIP)}
                for layer in self.network.layers
            ],
        }

    def channels(self, key: str, layer: str, first: int, count: int) -> list[dict]:
        """Lists a layer's channels from the `first` strongest on, with their maps."""
        self.network.layer(layer)
        return self._channels(self._look(key), layer, first, count)

    def unit(self, key: str, layer: str, channel: int, position) -> dict:
        """Describes a unit: its activation, its receptive field, the patch it sees."""
        look = self._look(key)
        unit = self.network.unit(look, layer, channel, position)
        box = self.network.box(unit)
        top, left, bottom, right = box = self.network.box(unit)
        preprocessing = self.network.classifier.preprocessing
        view = preprocessing.view(self.album.find(key).square)
        return {
            **self._named(look, unit),
            "box": box,
            "patch": png(view[top:bottom, left:right]),
            "refusal": unit.layer.refusal,
            "snippet": self._snippet(unit),
        }

    def projection(self, key: str, layer: str, channel: int, position, method) -> dict:
        """Projects a unit by a method; only its receptive field is shown."""
        look = self._look(key)
        unit = self.network.unit(look, layer, channel, position)
        top, left, bottom, right = self.network.box(unit)
        found = self.network.project(look, unit, method)
        return {"picture": png(to_uint8(found)[top:bottom, left:right])}

    def fed_by(self, key: str, layer: str, channel: int, position) -> list[dict]:
        """Lists the channels below that feed a unit most, with their shares."""
        look = self._look(key)
        unit = self.network.unit(look, layer, channel, position)
        found = self.network.fed_by(look, unit, _FEEDING)
        return [{**self._named(look, one), "share": share} for one, share in found]

    def at_point(self, key: str, y: float, x: float) -> list[dict]:
        """Lists the units of each layer that answer at a pixel of the photograph."""
        look = self._look(key)
        return [
            {**self._named(look, unit), "box": self.network.box(unit)}
            for unit in self.network.units_at(look, y, x, _AT_POINT)
        ]

    def occlusion(
        self, key: str, layer: str, channel: int, label: int, progress: Progress
    ) -> dict:
        """Shows what a grey square takes from a channel and from a class (Fig. 7)."""
        look = self._look(key)
        unit = self.network.unit(look, layer, channel, None)
        names = self.network.classifier.class_names
        if not 0 <= label < len(names):
            raise UsageError(
                argument="label", received=label, expected=f"from 0 to {len(names) - 1}"
            )
        maps = self.network.occlude(look, unit, label, progress)
        activation, probability = maps.activation_map, maps.probability_map
        return {
            "patch_size": [*maps.patch_size],
            "class_name": names[label],
            "activation": maps.activation,
            "activation_range": [float(activation.min()), float(activation.max())],
            "activation_map": png(grey(activation, 0, activation.max())),
            "probability": maps.probability,
            "probability_range": [float(probability.min()), float(probability.max())],
            "probability_map": png(grey(probability, 0, probability.max())),
        }

    def strongest(self, layer: str, channel: int) -> dict:
        """Shows a channel's nine strongest images, or how far the search is."""
        shown = self.network.layer(layer, channel)
        if shown.refusal is not None:
            return {"refusal": shown.refusal}
        self.search.start()
        progress = self.search.progress
        if not self.search.is_finished():
            return {"done": progress.n, "total": progress.total}
        deconvnet = self.network.deconvnets["deconvnet"]
        found = self.search.features(deconvnet, shown.key, channel)
        return {
            "done": progress.total,
            "total": progress.total,
            "images": [
                {
                    "name": found.ids[0][place],
                    "class_name": self.search.class_name(
                        found.strongest.labels[0, place]
                    ),
                    "activation": float(found.strongest.values[0, place]),
                    "patch": png(found.patches[0, place]),
                    "projection": png(found.reconstructions[0, place]),
                }
                for place in np.flatnonzero(found.is_shown[0])
            ],
        }

    def close(self) -> None:
        """Ends what runs in the background."""
        self.search.stop()

    def _compute_look(self, key) -> Look:
        square = self.album.find(key).square
        return self.network.look(square)

    def _channels(self, look, layer, first, count):
        shown = self.network.layer(layer)
        order, strengths = look.strongest(shown.key)
        part = slice(first, first + count)
        maps = look.maps[shown.key]
        low, high = min(0.0, float(maps.min())), float(strengths[0])
        is_answer = shown is self.network.answer
        names = self.network.classifier.class_names
        return [
            {
                "channel": int(channel),
                "name": names[channel] if is_answer else None,
                "activation": float(strength),
                "position": [*look.place(shown.key, channel)],
                "map": png(grey(maps[..., channel], low, high)),
            }
            for channel, strength in zip(order[part], strengths[part], strict=True)
        ]

    def _named(self, look, unit: Unit) -> dict:
        values = look.maps[unit.layer.key]
        return {
            "layer": str(unit.layer.key),
            "channel": unit.channel,
            "position": [*unit.position],
            "activation": float(values[*unit.position, unit.channel]),
        }

    def _snippet(self, unit: Unit) -> str:
        """Writes Python that projects the same unit."""
        reading = [f", {name}={v!r}" for name, v in self.settings.reading.items()]
        given = f"zfkeras.load({str(self.settings.model)!r}{''.join(reading)})"
        if self.settings.model == LIVE:
            given = f"...  # {LIVE}"
        rules, layer = self.network.rules, unit.layer
        rules = "" if rules == PAPER else f", rules={rules!r}"
        place = f", position={unit.position}" if layer.shape[:2] != (1, 1) else ""
        return (
            "import visualize, zfkeras\n\n"
            f"network = {given}\n"
            'crops = network.prepare(["photograph.jpg"])\n'
            f"deconvnet = visualize.Deconvnet(network{rules})\n"
            "reconstruction = deconvnet.project(\n"
            f"    crops, layer={layer.key!r}, channel={unit.channel}{place}\n"
            ")[0]\n"
            "picture = visualize.to_uint8(network.preprocessing.to_rgb(reconstruction))"
        )
