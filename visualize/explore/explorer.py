"""Answers the questions of the page, as JSON values."""

import functools
import threading

import numpy as np

from visualize.explore.album import Album
from visualize.explore.network import ExploredNetwork, Look, Unit
from visualize.explore.pictures import grey, png
from visualize.explore.search import StrongestSearch
from visualize.images.contrast import to_uint8
from visualize.images.sample import draw_sample
from visualize.strongest.searched_images import searched_images
from zfkeras.errors import UsageError

TOP_CLASSES = 5
STRIP = 16  # channels of a layer that are shown first
_AT_POINT = 4  # units of each layer that are shown for a point of the photograph
_FEEDING = 8
_LOOKS = 8  # photographs whose maps stay in memory
_CROPS, _WHOLE = "photographs", "photographs:whole"


class Explorer:
    """A network, photographs, and what the page asks of both.

    All methods may be called from several threads; one at a time computes.
    """

    def __init__(self, context, settings):
        classifier = context.classifier(settings.model, settings)
        self.settings = settings
        self.network = ExploredNetwork(classifier, settings.rules)
        images = searched_images(context, settings)
        # People look at whole photographs; strong activations are sought in crops.
        shown = _WHOLE if images.source.spec == _CROPS else images.source.spec
        source = context.source(shown)
        name = source.split_name(settings.split)
        split = draw_sample(source.split(name), settings.max_images, settings.seed)
        self.album = Album(source, split, classifier.preprocessing)
        layers = [
            layer.key for layer in self.network.layers.values() if not layer.refusal
        ]
        self.search = StrongestSearch.of(
            classifier, layers, images, settings.batch_size
        )
        self._lock = threading.Lock()
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
            "layers": [
                {
                    "layer": str(layer.key),
                    "title": layer.title,
                    "shape": [*layer.shape],
                    "field": [*layer.field.size],
                    "knows_field": layer.knows_field,
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
        """Projects a unit: its field, the patch and three projections of it."""
        look = self._look(key)
        unit = self.network.unit(look, layer, channel, position)
        box = self.network.box(unit)
        answer = {**self._named(look, unit), "box": box, "snippet": self._snippet(unit)}
        if unit.layer.refusal is not None:
            return {**answer, "refusal": unit.layer.refusal}
        with self._lock:
            found = self.network.project(look, unit)
        top, left, bottom, right = box
        view = self.album.find(key).square
        view = self.network.classifier.preprocessing.view(view)
        return {
            **answer,
            "patch": png(view[top:bottom, left:right]),
            "projections": {
                method: png(to_uint8(one)[top:bottom, left:right])
                for method, one in found.items()
            },
        }

    def fed_by(self, key: str, layer: str, channel: int, position) -> list[dict]:
        """Lists the channels below that feed a unit most, with their shares."""
        look = self._look(key)
        unit = self.network.unit(look, layer, channel, position)
        with self._lock:
            found = self.network.fed_by(look, unit, _FEEDING)
        return [{**self._named(look, one), "share": share} for one, share in found]

    def at_point(self, key: str, y: float, x: float) -> list[dict]:
        """Lists the units of each layer that answer at a pixel of the photograph."""
        look = self._look(key)
        return [
            {**self._named(look, unit), "box": self.network.box(unit)}
            for unit in self.network.units_at(look, y, x, _AT_POINT)
        ]

    def occlusion(self, key: str, layer: str, channel: int, label: int) -> dict:
        """Shows what a grey square takes from a channel and from a class (Fig. 7)."""
        look = self._look(key)
        unit = self.network.unit(look, layer, channel, None)
        names = self.network.classifier.class_names
        if not 0 <= label < len(names):
            raise UsageError(
                argument="label", received=label, expected=f"from 0 to {len(names) - 1}"
            )
        with self._lock:
            maps = self.network.occlude(look, unit, label)
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
        """Shows a channel's nine strongest images, or how far the search for them is."""
        shown = self.network.layer(layer)
        if shown.refusal is not None:
            return {"refusal": shown.refusal}
        self.search.start()
        progress = self.search.progress
        if not self.search.is_finished():
            return {"done": progress.n, "total": progress.total}
        if not 0 <= channel < shown.shape[2]:
            raise UsageError(
                argument="channel",
                received=channel,
                expected=f"from 0 to {shown.shape[2] - 1} in {shown.title}",
            )
        deconvnet = self.network.deconvnets["deconvnet"]
        with self._lock:
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
        with self._lock:
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
        return {
            "layer": str(unit.layer.key),
            "channel": unit.channel,
            "position": [*unit.position],
            "activation": float(look.maps[unit.layer.key][*unit.position, unit.channel]),
        }

    def _snippet(self, unit: Unit) -> str:
        """Writes Python that projects the same unit."""
        reading = {**self.settings.reading}
        given = "".join(f", {name}={value!r}" for name, value in reading.items())
        rules = "" if self.network.rules == "paper" else f", rules={self.network.rules!r}"
        place = f", position={unit.position}" if unit.layer.shape[:2] != (1, 1) else ""
        return (
            "import visualize, zfkeras\n\n"
            f"network = zfkeras.load({str(self.settings.model)!r}{given})\n"
            'crops = network.prepare(["photograph.jpg"])\n'
            f"deconvnet = visualize.Deconvnet(network{rules})\n"
            "reconstruction = deconvnet.project(\n"
            f"    crops, layer={unit.layer.key!r}, channel={unit.channel}{place}\n"
            ")[0]\n"
            "picture = visualize.to_uint8(network.preprocessing.to_rgb(reconstruction))"
        )
