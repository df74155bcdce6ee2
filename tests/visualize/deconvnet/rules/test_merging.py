import keras
import numpy as np
import pytest

from tests.helpers.rules import assert_exact, projector_of
from zfkeras import UsageError


def branches(image):
    """Three branches whose units see different windows of the image."""
    return [
        keras.layers.Conv2D(4, 1, 2)(image),
        keras.layers.Conv2D(4, 3, 2, "same")(image),
        keras.layers.MaxPooling2D(5, 2, "same")(image),
    ]


def twice(merge):
    """A pair of branches, of which one is also read by itself."""
    return lambda image: merge([branches(image)[1]] * 2)


@pytest.mark.parametrize(
    "merge",
    [
        keras.layers.Add(),
        keras.layers.Average(),
        keras.layers.Concatenate(),
        lambda maps: keras.layers.Subtract()(maps[:2]),
        lambda maps: maps[0] + maps[1],
        lambda maps: maps[0] - maps[2],
        lambda maps: keras.ops.concatenate(maps, axis=-1),
        lambda maps: keras.layers.Concatenate(axis=1)(maps),
    ],
)
def test_branches(merge):
    assert_exact(lambda image: merge(branches(image)), shape=(19, 22, 4))


def test_one_tensor_on_both_sides():
    assert_exact(twice(keras.layers.Add()))
    assert_exact(twice(keras.layers.Concatenate()))


def test_inputs_that_are_broadcast():
    def build(image):
        mean = keras.layers.GlobalAveragePooling2D(keepdims=True)(image)
        return keras.layers.Add()([image, mean])

    assert_exact(build, windowed=False)


@pytest.mark.parametrize(
    "arithmetic",
    [
        lambda x: x + 3.0,
        lambda x: 3.0 - x,
        lambda x: x - np.array([1.0, 2, 3, 4], np.float32),
        lambda x: x * np.array([1.0, 2, 3, 4], np.float32),
        lambda x: 2.0 * x,
        lambda x: x / 127.5 - 1,
    ],
)
def test_constants(arithmetic):
    assert_exact(lambda x: arithmetic(keras.layers.Conv2D(4, 3)(x)))


@pytest.mark.parametrize(
    "nonlinear, message",
    [
        (lambda x: x * x, "multiply one tensor by a constant"),
        (lambda x: 1.0 / x, "divide a tensor by a constant"),
        (lambda x: keras.ops.maximum(x, 1.0), "maximum of one tensor and 0"),
        (lambda x: keras.layers.Multiply()([x, x]), "class Multiply"),
    ],
)
def test_what_is_not_linear_is_refused(nonlinear, message):
    image = keras.Input((4, 4, 3))
    with pytest.raises(UsageError, match=message):
        projector_of(keras.Model(image, nonlinear(image)))
