import argparse

import keras
import numpy as np
import pytest

from tests.helpers import other_networks
from tests.helpers.networks import make_classifier
from transfer.experiments.arguments import in_order, layer_list
from transfer.experiments.layers import all_layers, layer_tensors, standing_for, table_7
from zfkeras.errors import UsageError


def test_lists_hold_numbers_and_names():
    assert layer_list("7") == (7,)
    assert layer_list("5, 1,fc1,5,block1_pool,fc1") == (1, 5, "fc1", "block1_pool")
    assert layer_list("all") is None
    assert in_order(["b", 7, "a", 1, "b"]) == [1, 7, "b", "a"]
    for text in ("", "1,,2", ","):
        with pytest.raises(argparse.ArgumentTypeError, match="must be like 1,2,5"):
            layer_list(text)


def test_the_papers_layers_and_any_others_of_its_network():
    model = make_classifier(0, ("a", "b")).model
    assert all_layers(model) == [1, 2, 3, 4, 5]
    assert standing_for(model, [5, 7]) == [5]
    assert standing_for(model, [7]) == [5]  # it has no 6 and 7
    assert table_7(model) == [
        *(("svm", layer) for layer in (1, 2, 3, 4, 5)),
        ("softmax", 5),
    ]
    tensors = layer_tensors(model, ["pool5", 5, "conv2"])
    assert [*tensors] == [5, "pool5", "conv2"]
    assert tensors[5] is tensors["pool5"]
    assert tensors["conv2"] is model.get_layer("conv2").output


def test_other_networks_have_the_ends_of_their_stages():
    model = other_networks.vgg(3)
    ends = ["block1_pool", "block2_pool", "fc1"]
    assert all_layers(model) == ends
    assert standing_for(model, [5, 7]) == ends[1:]
    assert table_7(model) == [
        *(("svm", layer) for layer in ends),
        ("softmax", "block2_pool"),
        ("softmax", "fc1"),
    ]


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (7, "such as those of block1_pool, block2_pool, fc1: .* Received: 7."),
        ("fc9", "--layer: `layer` must be .*Received: layer='fc9'"),
        ("", "--layer: `layer` must be "),
    ],
)
def test_what_another_network_lacks_is_one_line(layer, said):
    with pytest.raises(UsageError, match=said):
        layer_tensors(other_networks.vgg(3), [layer])


def test_a_nested_model_runs_once_for_all_its_layers():
    # A call for each would run the base model as often.
    model = other_networks.nested(3)
    layers = ["features.stem", "features.block1_pool", "features.out", "features"]
    tensors = layer_tensors(model, layers)
    parts = {tensors[layer]._keras_history.operation for layer in layers[:3]}
    assert len(parts) == 1
    images = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    found = keras.Model(model.inputs, list(tensors.values())).predict_on_batch(images)
    base = model.get_layer("features")
    inner = [base.get_layer(name.partition(".")[2]).output for name in layers[:3]]
    expected = keras.Model(base.inputs, inner).predict_on_batch(images)
    for mine, theirs in zip(found, [*expected, expected[-1]], strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_models_in_models_are_seen_through():
    image = keras.Input((32, 32, 3))
    inner = other_networks.nested(3)
    model = keras.Model(image, keras.layers.Dense(2, name="top")(inner(image)))
    layers = ["nested.features.conv", "nested.gap", "nested.features.stem"]
    tensors = layer_tensors(model, layers)
    assert [tensors[layer].shape[1:] for layer in layers] == [
        (8, 8, 6),
        (6,),
        (16, 16, 4),
    ]
    images = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    found = keras.Model(image, list(tensors.values())).predict_on_batch(images)
    expected = keras.Model(inner.inputs, inner.get_layer("gap").output)
    np.testing.assert_allclose(found[1], expected.predict_on_batch(images), atol=1e-6)


def test_features_must_be_of_a_fixed_number():
    image = keras.Input((None, None, 3))
    maps = keras.layers.Conv2D(3, 3, name="conv")(image)
    with pytest.raises(UsageError, match="of a fixed number. Received: 'conv' of sha"):
        layer_tensors(keras.Model(image, maps), ["conv"])


def test_a_network_without_stages_must_be_told_the_layer():
    words = keras.Input((5, 7), name="words")
    rows = keras.layers.LSTM(3, name="lstm")(words)
    model = keras.Model(words, rows)
    with pytest.raises(UsageError, match="must name layers of .*Received: words, lstm"):
        all_layers(model)
