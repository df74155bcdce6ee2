import argparse

import keras
import pytest

from tests.helpers import other_networks
from tests.helpers.networks import make_classifier
from transfer.experiments.arguments import layer_list
from transfer.features import layers
from transfer.features.layer_order import in_order
from transfer.features.layers import all_layers, layer_tensors, standing_for, table_7
from zfkeras.errors import UsageError


def test_lists_hold_numbers_and_names():
    assert layer_list("7") == (7,)
    assert layer_list("5, 1,fc1,block1_pool") == (1, 5, "fc1", "block1_pool")
    assert layer_list("all") is None
    assert in_order(["b", 7, "a", 1, "b"]) == [1, 7, "b", "a"]
    for text in ("", "1,,2", ",", "5,1,5"):
        with pytest.raises(argparse.ArgumentTypeError):
            layer_list(text)


def test_the_papers_layers_and_any_others_of_its_network():
    model = make_classifier(0, ("a", "b")).model
    assert all_layers(model) == [1, 2, 3, 4, 5]
    assert standing_for(model, [5, 7]) == [5]
    assert standing_for(model, [7]) == [5]  # it has no 6 and 7
    rows = [*(("svm", layer) for layer in (1, 2, 3, 4, 5)), ("softmax", 5)]
    assert table_7(model) == rows
    assert [*layer_tensors(model, ["pool5", 5, "conv2"])] == [5, "pool5", "conv2"]


@pytest.mark.parametrize(
    ("make", "ends"),
    [
        (other_networks.vgg, ["block1_pool", "block2_pool", "fc1"]),
        (other_networks.nested, ["features.block1_pool", "features.out", "gap"]),
        (other_networks.residual, ["sum1", "sum2", "gap"]),
    ],
)
def test_other_networks_have_the_ends_of_their_stages(make, ends):
    model = make(3)
    assert all_layers(model) == ends
    assert standing_for(model, [5, 7]) == ends[1:]
    rows = [("softmax", ends[1]), ("softmax", ends[2])]
    assert table_7(model) == [*(("svm", layer) for layer in ends), *rows]


def test_what_is_large_and_what_is_many_is_left_out(monkeypatch):
    model = other_networks.vgg(3)
    monkeypatch.setattr(layers, "MAX_FEATURES", 16 * 16 * 4 - 1)
    assert all_layers(model) == ["block2_pool", "fc1"]
    monkeypatch.setattr(layers, "MAX_STAGES", 1)
    assert all_layers(model) == ["fc1"]


def test_a_stage_may_end_with_a_second_call_and_unknown_sizes_are_left_out():
    image = keras.Input((8, 8, 3))
    twice = keras.layers.Conv2D(3, 3, padding="same", name="twice")
    maps = keras.layers.Conv2D(3, 3, padding="same", name="once")(image)
    maps = keras.layers.GlobalAveragePooling2D(name="gap")(twice(twice(maps)))
    model = keras.Model(image, keras.layers.Dense(2)(maps))
    assert all_layers(model) == ["twice@2", "gap"]
    image = keras.Input((None, None, 3))
    maps = keras.layers.Conv2D(3, 3, name="conv")(image)
    gap = keras.layers.GlobalAveragePooling2D(name="gap")(maps)
    free = keras.Model(image, keras.layers.Dense(2)(gap))
    assert all_layers(free) == ["gap"]
    with pytest.raises(UsageError) as error:
        layer_tensors(free, ["conv"])
    assert (error.value.argument, error.value.received[:4]) == ("layer", "conv")


def test_an_unknown_layer_with_weights_makes_a_stage():
    words = keras.Input((5, 7), name="words")
    rows = keras.layers.LSTM(3, name="lstm")(words)
    assert all_layers(keras.Model(words, keras.layers.Dense(2)(rows))) == ["lstm"]
    with pytest.raises(UsageError) as error:  # the answer's stage alone
        all_layers(keras.Model(words, rows))
    assert (error.value.argument, error.value.received) == ("--layer", "words, lstm")
