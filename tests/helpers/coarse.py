"""A network and images of whole numbers, whose activations are exact and often tie."""

import keras
import numpy as np

from tests.helpers.splits import noise, png, split_of
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.layers import MaxPoolWithArgmax

CROP = 9
PLAIN = Preprocessing(np.zeros((CROP, CROP, 3), np.float32), CROP)


def whole_numbers(seed=0) -> keras.Model:
    """A network whose arithmetic on whole numbers is exact, so that ties are ties."""
    images = keras.Input((CROP, CROP, 3))
    x = keras.layers.Conv2D(5, 3, 2, "same", activation="relu", name="conv")(images)
    pooled, _ = MaxPoolWithArgmax(2, 1, name="pool")(x)
    x = keras.layers.Flatten(name="flatten")(pooled)
    x = keras.layers.Dense(7, name="fc")(x)
    model = keras.Model(images, x)
    random = np.random.default_rng(seed)
    model.set_weights(
        [random.integers(-1, 2, w.shape).astype(np.float32) for w in model.weights]
    )
    return model


def coarse_images(number=23):
    """uint8 (number, 9, 9, 3) of few grey levels: many activations are equal."""
    return np.stack([noise(i, CROP, CROP) % 3 for i in range(number)])


def coarse_split(number=23):
    """The same images as a split."""
    return split_of([png(image) for image in coarse_images(number)])
