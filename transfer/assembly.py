"""A head on some rows of a layer's features, and put back on its network.

It chooses nothing: neither rows nor layer nor C.
"""

import keras
import numpy as np

from transfer.by_layer import LayerGram
from transfer.heads.base import LinearHead
from transfer.heads.gram import weighted_sum
from transfer.layers import layer_tensors
from zfkeras.models.classifier import Classifier

# Bytes of features, as float32, that a head may learn from without inner products.
MAX_FEATURE_BYTES = 4 * 2**30
# Training images whose weights are asked for at once.
_BLOCK = 1024


class RowHead:
    """A head that learns from some images of a layer and answers for others.

    With fewer images than features it uses their inner products, so that features are
    only ever read block by block.

    Args:
        head: unfitted.
        gram: the layer's features.
        labels: (n_images,), of all images.
    """

    def __init__(self, head: LinearHead, gram: LayerGram, labels: np.ndarray):
        self.head = head
        self._gram = gram
        self._labels = labels
        self._rows = None

    @staticmethod
    def fits(gram: LayerGram, n_train: int) -> bool:
        """Whether so many training images are few enough for memory."""
        return gram.pays(n_train) or (
            4 * n_train * gram.features.shape[1] <= MAX_FEATURE_BYTES
        )

    def fit(self, rows: np.ndarray) -> "RowHead":
        """Learns from the images at these places; returns self."""
        self._rows = rows
        if self._gram.pays(len(rows)):
            self.head.fit_gram(self._gram.between(rows, rows), self._labels[rows])
        else:
            features = np.asarray(self._gram.features[rows], np.float32)
            self.head.fit(features, self._labels[rows])
        return self

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """The labels of the images at these places, (n_rows,)."""
        if self._gram.pays(len(self._rows)):
            return self.head.predict_gram(self._gram.between(rows, self._rows))
        return self.head.predict(np.asarray(self._gram.features[rows], np.float32))

    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """Kernel (n_features, n_classes), for raw features, and bias (n_classes,)."""
        if self._gram.pays(len(self._rows)):
            kernel, bias = self._weights_of_samples()
        else:
            kernel, bias = self.head.coef_.T, self.head.intercept_
        if len(self.head.classes_) == 2:  # told apart by the sign of one score
            signs = np.float32([-0.5, 0.5])
            kernel, bias = kernel * signs, bias * signs
        return kernel, bias

    def _weights_of_samples(self):
        """The sum of the images, each times its weight: no image is copied."""
        n_train = len(self._rows)
        bias = self._decision(np.zeros((1, n_train), np.float32))[0]
        shares = np.zeros((len(self._gram.features), len(bias)), np.float32)
        for start in range(0, n_train, _BLOCK):
            block = np.eye(min(_BLOCK, n_train - start), n_train, start, np.float32)
            shares[self._rows[start : start + _BLOCK]] = self._decision(block) - bias
        return weighted_sum(self._gram.features, shares), bias

    def _decision(self, cross):
        decision = self.head.decision_function_gram(cross)
        return decision.reshape(len(cross), -1)


def attach_head(
    classifier: Classifier,
    layer: int | str,
    head: RowHead,
    class_names: tuple[str, ...],
) -> Classifier:
    """Replaces what a network has above a layer by a head on that layer.

    Args:
        classifier: the network whose features the head has learnt from; it stays as it
            is, and the two share the layers below.
        layer: the paper's number, 1 to 7, or a name.
        head: fitted, on labels that count `class_names`.
        class_names: name of each label.

    Returns:
        A `Classifier` to save and use like any other. Its probabilities are those of a
        `SoftmaxHead`; of an `SVMHead`, they are a softmax of the scores, which puts the
        classes in their order but is no measure of confidence.

    Raises:
        UsageError: the network has no such layer.
        ValueError: the head has not learnt all the classes.
    """
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
    """The name, with a number behind it if the network has a layer of that name."""
    names = (wanted, *(f"{wanted}_{number}" for number in range(1, len(taken) + 1)))
    return next(name for name in names if name not in taken)
