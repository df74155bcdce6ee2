"""A copy of a network whose weights are replaced by random ones, from the top down."""

from collections.abc import Sequence

import keras
import numpy as np

from zfkeras.graph.layer_graph import LayerGraph

MOST_STAGES = 5


class Twin:
    """A copy of a model that has its weights, until they are replaced by new ones.

    New kernels are normal with He et al.'s (2015) deviation; other weights are those
    that a new layer begins with. Batch normalisation gets the statistics of `images`,
    as it would have in the first step of a training.

    layers: those that are looked at; images: float array (n, height, width, channels),
    as the model takes them.
    """

    def __init__(
        self,
        model: keras.Model,
        layers: Sequence[int | str],
        images: np.ndarray,
        seed: int = 0,
    ):
        self.model = keras.models.clone_model(model)
        self.graph = LayerGraph(self.model)
        self._tensors = self.graph.tensors(layers)
        self._images = images
        random = np.random.default_rng([seed, 3])
        self._new = [_new_value(one, random) for one in self.model.weights]
        self.model.set_weights(model.get_weights())
        self._variables = [*self.model.weights]  # their order follows `trainable`
        self._known = [np.asarray(one) for one in self._variables]

    def restore(self) -> None:
        """Gives the copy the weights of the model again."""
        for variable, value in zip(self._variables, self._known, strict=True):
            variable.assign(value)

    def stages(self, layer: int | str) -> list[list]:
        """Lists the operations with weights up to a layer in groups, topmost first.

        The first group is the topmost filters alone.
        """
        blocks = []
        for operation in self.graph.below(layer):
            weights = getattr(operation, "weights", ())
            has_filters = any(len(one.shape) > 1 for one in weights)
            if weights and (has_filters or not blocks):
                blocks.append([])  # a normalisation stays with the filters before it
            if weights:
                blocks[-1].append(operation)
        numbers = np.arange(len(blocks))[::-1]
        groups = [numbers[:1], *np.array_split(numbers[1:], MOST_STAGES - 1)]
        return [
            [operation for number in group for operation in blocks[number]]
            for group in groups
            if len(group)
        ]

    def replace(self, operations: Sequence) -> None:
        """Gives some operations new weights, and statistics of the images."""
        replaced = {id(one) for operation in operations for one in operation.weights}
        for variable, value in zip(self._variables, self._new, strict=True):
            if id(variable) in replaced:
                variable.assign(value)
        normalisations = [
            call.operation
            for call in self.graph.calls
            if isinstance(call.operation, keras.layers.BatchNormalization)
        ]
        for one in normalisations:
            # Frozen ones keep their statistics: Keras runs them as in inference.
            one.trainable, one.momentum = one in operations, 0.0
        if any(one.trainable for one in normalisations):
            outputs = [*self._tensors.values()]
            keras.Model(self.model.inputs[0], outputs)(self._images, training=True)

    def replace_all(self) -> None:
        """Gives all that the layers depend on new weights."""
        stages = [stage for layer in self._tensors for stage in self.stages(layer)]
        self.replace([*dict.fromkeys(one for stage in stages for one in stage)])


def _new_value(variable, random) -> np.ndarray:
    """Draws a new kernel, or returns what else a new layer begins with."""
    value = np.asarray(variable)
    if value.ndim < 2:
        return value
    return random.normal(0, np.sqrt(2 / np.prod(value.shape[:-1])), value.shape)
