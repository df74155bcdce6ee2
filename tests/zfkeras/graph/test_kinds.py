"""Kinds are known by class: a name alone says nothing about what a layer computes."""

import keras
import pytest

from zfkeras.errors import UsageError
from zfkeras.graph.kinds import POINTWISE, WHOLE, register_windows, windows_of
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


def field_of(layer):
    image = keras.Input((12, 12, 3))
    output = layer(image)
    return receptive_field(keras.Model(image, output), output)


def test_a_class_with_the_name_of_another_is_not_taken_for_it():
    # previously a receptive field of 1x1, by the name of the class
    with pytest.raises(UsageError) as err:
        field_of(Dense(name="mine"))
    assert err.value.argument == "mine"


def test_a_subclass_that_only_sets_arguments_counts_as_its_base():
    assert windows_of(Wide(4)) == (Axis(5, 1, "valid"), Axis(5, 1, "valid"))


def test_a_subclass_that_computes_something_else_is_unknown():
    assert windows_of(Shuffled(4, 3)) is None


def test_a_registered_class_has_a_receptive_field():
    class Mine(Dense):
        pass

    register_windows(Mine, windows=lambda layer: (Axis(3, 1, "valid"),) * 2)
    assert field_of(Mine()).box((2, 5)) == (2, 5, 5, 8)


def test_pointwise_layers_and_layers_that_see_everything_are_told_apart():
    assert windows_of(keras.layers.Dense(3)) == POINTWISE
    assert windows_of(keras.layers.Flatten()) == WHOLE


def test_a_rule_brings_its_windows():
    import visualize

    class Halved(keras.layers.Layer):
        def call(self, x):
            return x / 2.0

    @visualize.register_rule(Halved, windows=POINTWISE)
    class Halve(visualize.Rule):
        def backward(self, call, signal, memory):
            return signal / 2.0

    assert field_of(Halved()).size == (1, 1)
