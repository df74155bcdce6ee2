"""Projects the strongest units of a layer in photographs by three methods."""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np

from visualize.deconvnet.deconvnet import METHODS, Deconvnet
from visualize.deconvnet.requests import Pairs
from visualize.figures.project.figure import ProjectSettings
from visualize.strongest.patches import boxes
from zfkeras.errors import RunError, UsageError
from zfkeras.graph.boxes import Boxes, Span
from zfkeras.graph.layer_graph import LayerGraph
from zfkeras.graph.layer_outputs import as_maps
from zfkeras.models.classifier import Classifier

TOP_CLASSES = 5


@dataclasses.dataclass(frozen=True, eq=False)
class ProjectedPhotograph:
    """Units of a layer in one photograph."""

    crop: np.ndarray  # uint8 array (height, width, 3)
    probabilities: np.ndarray  # float32 array (classes,), what the network answers
    channels: np.ndarray  # int array (units,)
    positions: np.ndarray | None  # int array (units, 2), (y, x) of each unit in its map
    activations: np.ndarray  # float32 array (units,)
    maps: np.ndarray | None  # float32 array (units, map height, map width)
    boxes: np.ndarray  # int array (units, 4)
    projections: dict[str, np.ndarray]

    @property
    def top_classes(self) -> np.ndarray:
        """Returns the five most probable classes, the most probable first."""
        return np.argsort(-self.probabilities, kind="stable")[:TOP_CLASSES]

    def to_json(self, class_names: Sequence[str]) -> dict:
        """Returns predictions and units as JSON values."""
        no_position = [None] * len(self.channels)
        positions = no_position if self.positions is None else self.positions.tolist()
        units = zip(self.channels, positions, self.activations, self.boxes, strict=True)
        return {
            "predictions": [
                {"name": class_names[i], "probability": float(self.probabilities[i])}
                for i in self.top_classes
            ],
            "units": [
                {
                    "channel": int(channel),
                    "position": position,
                    "activation": float(activation),
                    "box": box.tolist(),
                }
                for channel, position, activation, box in units
            ],
        }


class PhotographProjector:
    """Projects units of one layer of a network, photograph by photograph."""

    def __init__(self, classifier: Classifier, settings: ProjectSettings):
        model = classifier.model
        graph = LayerGraph(model)
        layer = graph.usual_layers()[-1] if settings.layer is None else settings.layer
        self.deconvnets = {
            method: Deconvnet(model, method=method, rules=settings.rules)
            for method in METHODS
        }
        for deconvnet in self.deconvnets.values():
            deconvnet.require([layer])
        self.preprocessing = classifier.preprocessing
        self.settings = settings
        self.layer = layer
        self.heading = graph.heading(layer)
        self.layer_name, tensor = graph.path(layer), graph.tensor(layer)
        self.has_positions = len(tensor.shape) == 4
        self.is_output = tensor is model.outputs[0]
        if settings.position is not None and not self.has_positions:
            raise UsageError(
                argument="position",
                received=tuple(settings.position),
                expected=f"left out: units of {self.heading} have none",
            )
        # Refuses what the layer does not have before any photograph is read.
        Pairs.of(1, tensor.shape[1:], settings.channels, settings.position, None)
        self.known_field = self.deconvnets["deconvnet"].field(layer)
        height, width, _ = self.preprocessing.input_shape
        whole = Boxes(Span(0, height, 0), Span(0, width, 0))
        self.field = self.known_field or whole
        self._network = keras.Model(model.inputs[0], [tensor, model.outputs[0]])

    @property
    def title(self) -> str:
        """Says which units of which layer are projected."""
        which = "Strongest units" if self.settings.channels is None else "Units"
        where = ""
        if self.settings.position is not None:
            where = " at position ({}, {})".format(*self.settings.position)
        return f"{which} of {self.heading}{where}"

    def to_json(self) -> dict:
        """Returns what the record says of the layer, as JSON values."""
        field = self.known_field
        return {
            "layer": self.layer,
            "layer_name": self.layer_name,
            "receptive_field": [int(side) for side in self.field.size],
            "knows_receptive_field": field is not None,
            "stride": None if field is None else [int(step) for step in field.stride],
            "methods": [*self.deconvnets],
        }

    def project(self, square: np.ndarray) -> ProjectedPhotograph:
        """Finds the units of a photograph and projects them.

        square: uint8 array (image height, image width, 3).
        """
        inputs = self.preprocessing.centre_crop(square)[None]
        output, probabilities = self._network.predict_on_batch(inputs)
        maps = as_maps(np.asarray(output, np.float32))[0]
        if not np.isfinite(maps).all():
            raise RunError(f"activations of {self.heading} are not finite numbers.")
        channels, positions = choose_units(maps, self.settings)
        given = positions if self.has_positions else None
        found = {
            method: deconvnet.project_units(inputs, self.layer, channels, given)
            for method, deconvnet in self.deconvnets.items()
        }
        return ProjectedPhotograph(
            crop=self.preprocessing.view(square),
            probabilities=np.asarray(probabilities[0], np.float32),
            channels=channels,
            positions=given,
            activations=found["deconvnet"].activations,
            maps=maps[..., channels].transpose(2, 0, 1) if self.has_positions else None,
            boxes=boxes(self.field, positions),
            projections={
                name: self.preprocessing.to_rgb(one.reconstructions)
                for name, one in found.items()
            },
        )


def choose_units(
    maps: np.ndarray, settings: ProjectSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Chooses the units of a photograph: channels (units,), positions (units, 2).

    maps: float array (height, width, channels).
    """
    at = settings.position
    channels = settings.channels
    if channels is None:
        strengths = maps.max(axis=(0, 1)) if at is None else maps[*at]
        channels = np.argsort(-strengths, kind="stable")[: settings.units]
    channels = np.array(channels, np.int64)
    if at is not None:
        return channels, np.tile(at, (len(channels), 1))
    places = maps[..., channels].reshape(-1, len(channels)).argmax(axis=0)
    return channels, np.stack(np.unravel_index(places, maps.shape[:2]), axis=-1)
