"""How far a conversion is from its other side, network and preprocessing apart.

Kept apart so that a wrong mean image is not blamed on the network, nor the reverse.
"""

import dataclasses

import keras
import numpy as np

from zfkeras.conversion.building import logits_model
from zfkeras.conversion.engine import Engine
from zfkeras.conversion.network import Convention
from zfkeras.conversion.onnx_reader import Taps
from zfkeras.models.classifier import Classifier

# Above it a conversion is wrong, not rounded.
MAX_RELATIVE = 1e-3


@dataclasses.dataclass(frozen=True)
class Difference:
    """The largest difference between two arrays.

    Args:
        maximum: of |a - b|.
        largest: of |b|, to read it against.
    """

    maximum: float
    largest: float

    @classmethod
    def of(cls, found: np.ndarray, wanted: np.ndarray) -> "Difference":
        """Compares two arrays.

        Args:
            found: of any shape.
            wanted: of the same shape.
        """
        apart = np.abs(found.astype(np.float64) - wanted)
        return cls(float(apart.max()), float(np.abs(wanted).max()))

    @property
    def relative(self) -> float:
        """The difference as a share of the largest value."""
        return self.maximum / self.largest if self.largest else self.maximum

    def __str__(self):
        return f"{self.maximum:.2g} of {self.largest:.3g} ({self.relative:.1e})"


def compare(
    classifier: Classifier,
    taps: Taps,
    squares: np.ndarray,
    convention: Convention,
    folder: str | None = None,
) -> dict[str, Difference]:
    """Compares a classifier with a graph in onnxruntime.

    Args:
        classifier: one side.
        taps: the other.
        squares: uint8 array (n, size, size, 3), RGB: square images.
        convention: what the network reads. A graph that has it in its own nodes is
            given the square images.
        folder: where the graph's numbers lie that are in files of their own.

    Returns:
        "logits" and "probabilities": the networks on the same crops; "crops": the
        preprocessing alone; "predictions": both together, from images to
        probabilities.
    """
    prepared = classifier.preprocessing
    outputs = [taps.crops, taps.logits]
    engine = Engine(taps.model, taps.images, outputs, folder)
    if taps.has_preprocessing:
        raw = Convention(np.zeros(3), np.ones(3), convention.is_bgr)
        planes = raw.planes(squares, squares.shape[1])
    else:
        planes = convention.planes(squares, prepared.crop_size)
    found, logits = engine.run(planes)
    logits = logits.reshape(len(logits), -1)
    theirs = _as_ours(found, convention, prepared.input_scale)
    ours = np.stack([prepared.centre_crop(square) for square in squares])
    probabilities = softmax(logits)
    return {
        "logits": Difference.of(_logits(classifier.model, theirs), logits),
        "probabilities": Difference.of(
            classifier.model.predict_on_batch(theirs), probabilities
        ),
        "crops": Difference.of(ours, theirs),
        "predictions": Difference.of(
            classifier.model.predict_on_batch(ours), probabilities
        ),
    }


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities (n, classes) of logits of the same shape, in float64.

    Args:
        logits: float array (n, classes).
    """
    powers = np.exp(logits - logits.max(axis=1, keepdims=True).astype(np.float64))
    return powers / powers.sum(axis=1, keepdims=True)


def _as_ours(planes, convention, input_scale):
    """What a foreign network reads, as ours reads it: RGB last, one factor."""
    if not (convention.scale == convention.scale[0]).all():
        planes = planes * (input_scale / convention.scale[:, None, None])
    planes = planes[:, ::-1] if convention.is_bgr else planes
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1), np.float32)


def _logits(model: keras.Model, images) -> np.ndarray:
    body, kernel, bias = logits_model(model)
    return body.predict_on_batch(images).astype(np.float64) @ kernel + bias
