"""How far a conversion is from its other side, network and preprocessing apart.

Kept apart so that a wrong mean image is not blamed on the network, nor the reverse.
"""

import dataclasses
from collections.abc import Iterable

import numpy as np

from zfkeras.conversion.build import logits_model
from zfkeras.conversion.network import Convention
from zfkeras.conversion.onnx.engine import Engine
from zfkeras.conversion.onnx.reader import Taps
from zfkeras.errors import RunError
from zfkeras.models.classifier import Classifier

# Above it a conversion is wrong, not rounded.
MAX_RELATIVE = 1e-3

_MEANINGS = {
    "logits": "modelling difference, logits",
    "probabilities": "modelling difference, probabilities",
    "crops": "preprocessing difference, crops",
    "predictions": "difference of both together, probabilities",
}


@dataclasses.dataclass(frozen=True)
class Difference:
    """The largest |a - b| of two arrays, and the largest |b|."""

    maximum: float
    largest: float

    @classmethod
    def of(cls, found: np.ndarray, wanted: np.ndarray) -> "Difference":
        """Compares two arrays of the same shape."""
        apart = np.abs(found.astype(np.float64) - wanted)
        return cls(float(apart.max()), float(np.abs(wanted).max()))

    def widened(self, other: "Difference") -> "Difference":
        """Returns the larger of two differences, for results in several batches."""
        return Difference(
            float(np.maximum(self.maximum, other.maximum)),
            float(np.maximum(self.largest, other.largest)),
        )

    @property
    def relative(self) -> float:
        """Returns the difference as a share of the largest value."""
        return self.maximum / self.largest if self.largest else self.maximum

    def __str__(self):
        return f"{self.maximum:.2g} of {self.largest:.3g} ({self.relative:.1e})"


def compare(
    classifier: Classifier,
    taps: Taps,
    batches: Iterable[np.ndarray],
    convention: Convention,
) -> dict[str, Difference]:
    """Compares a classifier with onnxruntime on uint8 RGB images (n, size, size, 3)."""
    engine = Engine(taps.model, taps.images, [taps.crops, taps.logits])
    sides = (classifier, taps, engine, logits_model(classifier.model))
    found = {}
    for squares in batches:
        for name, one in _differences(*sides, squares, convention):
            found[name] = found[name].widened(one) if name in found else one
    return found


def _differences(classifier, taps, engine, before_softmax, squares, convention):
    prepared, model = classifier.preprocessing, classifier.model
    if taps.has_preprocessing:
        raw = Convention(np.zeros(3), np.ones(3), convention.is_bgr)
        planes = raw.planes(squares, squares.shape[1])
    else:
        planes = convention.planes(squares, prepared.crop_size)
    planes, logits = engine.run(planes)
    logits = logits.reshape(len(logits), -1)
    theirs = _as_ours(planes, convention, prepared.input_scale)
    ours = np.stack([prepared.centre_crop(square) for square in squares])
    probabilities = softmax(logits)
    body, kernel, bias = before_softmax
    features = body.predict_on_batch(theirs).astype(np.float64)
    yield "logits", Difference.of(features @ kernel + bias, logits)
    answers = model.predict_on_batch(theirs)
    yield "probabilities", Difference.of(answers, probabilities)
    yield "crops", Difference.of(ours, theirs)
    yield "predictions", Difference.of(model.predict_on_batch(ours), probabilities)


def report(differences: dict[str, Difference]) -> str:
    """Returns one line of text per difference."""
    return "\n".join(
        f"  {_MEANINGS[name]}: {difference}" for name, difference in differences.items()
    )


def refuse_wrong(differences: dict[str, Difference]) -> None:
    """Raises RunError if a difference is larger than rounding explains."""
    for name, difference in differences.items():
        if not difference.relative <= MAX_RELATIVE:  # so that NaN stops, too
            raise RunError(
                f"the {_MEANINGS[name]}, is {difference}, over {MAX_RELATIVE:g} of the "
                "largest value: the sides do not agree, and nothing was written"
            )


def softmax(logits: np.ndarray) -> np.ndarray:
    """Returns the softmax of logits (n, classes), in float64."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True).astype(np.float64))
    return powers / powers.sum(axis=1, keepdims=True)


def _as_ours(planes, convention, input_scale):
    """Converts a foreign network's input into ours: RGB last, one factor."""
    if not (convention.scale == convention.scale[0]).all():
        planes = planes * (input_scale / convention.scale[:, None, None])
    planes = planes[:, ::-1] if convention.is_bgr else planes
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1), np.float32)
