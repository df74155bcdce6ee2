"""Kinds are known by class: a name alone says nothing about what a layer computes."""

import keras
import pytest

import visualize
from zfkeras.errors import UsageError
from zfkeras.graph.kinds import (
    POINTWISE,
    WHOLE,
    Role,
    has_filters,
    register_kinds,
    role_of,
    windows_of,
)
from zfkeras.graph.receptive_field import receptive_field
from zfkeras.layers.switches import Axis


class Dense(keras.layers.Layer):
    """A convolution whose class has the name of Keras's pointwise layer."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = keras.layers.Conv2D(2, 3)

    def call(self, x):
        return self.inner(x)


class Wide(keras.layers.Conv2D):
    """Changes only how it is made."""

    def __init__(self, filters, **kwargs):
        super().__init__(filters, 5, **kwargs)


class Shuffled(keras.layers.Conv2D):
    """Computes something else."""

    def call(self, x):
        return super().call(x[:, ::-1])


class Halved(keras.layers.Layer):
    def call(self, x):
        return x / 2.0


def field_of(layer):
    image = keras.Input((12, 12, 3))
    output = layer(image)
    return receptive_field(keras.Model(image, output), output)


@pytest.mark.parametrize(
    "layer, role, learns, windows",
    [
        (keras.layers.Dense(3), Role.DENSE, True, POINTWISE),
        (Wide(4), Role.CONVOLUTION, True, (Axis(5, 1, "valid"),) * 2),
        (keras.layers.Conv2DTranspose(2, 3), Role.SPECIAL_CONVOLUTION, True, None),
        (keras.layers.BatchNormalization(), Role.OTHER, False, POINTWISE),
        (keras.layers.Flatten(), Role.SILENT, False, WHOLE),
        (Dense(), None, True, None),
        (Shuffled(4, 3), None, True, None),
        (keras.layers.UpSampling2D(), None, False, None),
    ],
)
def test_kinds_are_known_by_class(layer, role, learns, windows):
    layer(keras.Input((12, 12, 3)))
    assert (role_of(layer), has_filters(layer)) == (role, learns)
    assert windows_of(layer) == windows


def test_a_class_with_the_name_of_another_has_no_receptive_field_till_registered():
    # previously a receptive field of 1x1, by the name of the class
    with pytest.raises(UsageError) as err:
        field_of(Dense(name="mine"))
    assert err.value.argument == "mine"

    class Registered(Dense):
        pass

    register_kinds(Registered, windows=lambda layer: (Axis(3, 1, "valid"),) * 2)
    assert field_of(Registered()).box((2, 5)) == (2, 5, 5, 8)


def test_a_rule_brings_its_windows():
    @visualize.register_rule(Halved, windows=POINTWISE)
    class Halve(visualize.Rule):
        def backward(self, call, signal, memory):
            return signal / 2.0

    assert field_of(Halved()).size == (1, 1)
