import keras
import pytest

from tests.helpers import other_networks
from transfer.experiments import stages
from transfer.experiments.stages import stage_ends


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (other_networks.vgg, ["block1_pool", "block2_pool", "fc1"]),
        (other_networks.nested, ["features.block1_pool", "features.out", "gap"]),
        (other_networks.residual, ["sum1", "sum2", "gap"]),
    ],
)
def test_a_stage_ends_with_its_pool_or_its_sum(make, expected):
    assert stage_ends(make(3)) == expected


def test_what_is_large_and_what_is_many_is_left_out(monkeypatch):
    model = other_networks.vgg(3)
    monkeypatch.setattr(stages, "MAX_FEATURES", 16 * 16 * 4 - 1)
    assert stage_ends(model) == ["block2_pool", "fc1"]
    monkeypatch.setattr(stages, "MAX_STAGES", 1)
    assert stage_ends(model) == ["fc1"]


def test_a_layer_called_twice_and_maps_of_unknown_size_are_left_out():
    image = keras.Input((8, 8, 3))
    twice = keras.layers.Conv2D(3, 3, padding="same", name="twice")
    maps = keras.layers.Conv2D(3, 3, padding="same", name="once")(image)
    maps = keras.layers.GlobalAveragePooling2D(name="gap")(twice(twice(maps)))
    model = keras.Model(image, keras.layers.Dense(2)(maps))
    assert stage_ends(model) == ["once", "gap"]
    image = keras.Input((None, None, 3))
    maps = keras.layers.Conv2D(3, 3, name="conv")(image)
    maps = keras.layers.GlobalAveragePooling2D(name="gap")(maps)
    free = keras.Model(image, keras.layers.Dense(2)(maps))
    assert stage_ends(free) == ["gap"]


def test_an_unknown_layer_with_weights_makes_a_stage():
    words = keras.Input((5, 7))
    dense = keras.layers.Dense(2)(keras.layers.LSTM(3, name="lstm")(words))
    assert stage_ends(keras.Model(words, dense)) == ["lstm"]


def test_what_has_no_stages_has_no_ends():
    assert stage_ends(keras.Sequential([keras.Input((5,)), keras.layers.ReLU()])) == []

    class Subclassed(keras.Model):
        pass

    assert stage_ends(Subclassed()) == []
