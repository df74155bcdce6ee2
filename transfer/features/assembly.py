"""Puts a head on its network, in place of what was above its layer."""

import keras
import numpy as np

from transfer.features.layers import layer_tensors
from transfer.heads.rows import RowHead
from zfkeras.models.classifier import Classifier


def attach_head(
    classifier: Classifier,
    layer: int | str,
    head: RowHead,
    class_names: tuple[str, ...],
) -> Classifier:
    """Replaces what a network has above a layer by a head on that layer."""
    known = head.head.classes_
    if not np.array_equal(known, np.arange(len(class_names))):
        raise ValueError(
            f"`head` must know the labels 0 to {len(class_names) - 1}. "
            f"Received: {known}."
        )
    tensor = layer_tensors(classifier.model, [layer])[layer]
    kept = keras.Model(classifier.model.inputs, tensor)
    taken = {one.name for one in kept.layers}
    if len(tensor.shape) > 2:
        name = _free_name("features", taken)
        flatten = keras.layers.Flatten("channels_last", name=name, dtype="float32")
        tensor = flatten(tensor)
    predictions = keras.layers.Dense(
        len(class_names),
        "softmax",
        name=_free_name("predictions", taken),
        dtype="float32",
    )
    model = keras.Model(
        classifier.model.inputs,
        predictions(tensor),
        name=f"{classifier.model.name}_layer_{layer}",
    )
    predictions.set_weights(list(head.weights()))
    made = {"transferred_from": dict(classifier.made), "layer": layer}
    return Classifier(model, classifier.preprocessing, tuple(class_names), made)


def _free_name(wanted: str, taken: set[str]) -> str:
    """Returns the name, with a number if the network has a layer of that name."""
    names = (wanted, *(f"{wanted}_{number}" for number in range(1, len(taken) + 1)))
    return next(name for name in names if name not in taken)
