"""Writes what the tests of other backends read: `python -m tests.backends.write_files`.

Each backend writes one small network with its answers. TensorFlow also writes what
`quarter` makes of an embedded photograph.
"""

from pathlib import Path

import keras
import numpy as np

import visualize
import zfkeras
from zfkeras.layers import LocalResponseNormalization, MaxPoolWithArgmax, Unpool
from zfkeras.layers.max_rms import MaxRMS

FILES = Path(__file__).parent / "files"
PHOTOGRAPH = Path(zfkeras.__file__).parent / "data/sources/photographs/bee.jpg"
QUARTER = FILES / "quarter.npz"


def small_network() -> keras.Model:
    """Makes a network that has each of our layers."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((11, 9, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu", kernel_constraint=MaxRMS())(inputs)
    x = LocalResponseNormalization()(x)
    pooled, argmax = MaxPoolWithArgmax(3, 2, "same")(x)
    x = Unpool(3, 2, "same")([pooled, argmax], output_size=x)
    x = keras.layers.Dense(2, "softmax")(keras.layers.Flatten()(x))
    return keras.Model(inputs, x)


def small_images() -> np.ndarray:
    """Makes images for the small network."""
    return np.random.default_rng(0).normal(0, 50, (4, 11, 9, 3)).astype(np.float32)


def quarter_answers() -> dict[str, np.ndarray]:
    """Returns probabilities and features of layers 5 and 7 for the photograph."""
    classifier = zfkeras.load("quarter")
    image = PHOTOGRAPH.read_bytes()
    return {
        "probabilities": classifier.predict(image),
        "layer5": classifier.features(image, 5),
        "layer7": classifier.features(image, 7),
    }


def quarter_projections() -> dict[str, np.ndarray]:
    """Returns projections of the strongest unit of layer 5 in the photograph."""
    classifier = zfkeras.load("quarter")
    crops = classifier.prepare(PHOTOGRAPH.read_bytes())
    return {
        method: visualize.Deconvnet(classifier, method=method).project(crops, layer=5)
        for method in ("deconvnet", "guided")
    }


def main() -> None:
    """Writes the files of the backend at hand."""
    backend = keras.backend.backend()
    FILES.mkdir(exist_ok=True)
    model = small_network()
    model.save(FILES / f"{backend}.keras")
    np.save(FILES / f"{backend}.npy", model.predict_on_batch(small_images()))
    if backend == "tensorflow":
        np.savez_compressed(QUARTER, **quarter_answers(), **quarter_projections())


if __name__ == "__main__":
    main()
