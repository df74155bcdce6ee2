import keras
import numpy as np
import pytest

from visualize.deconvnet.checks import (
    as_numbers,
    check_graph,
    list_of_layers,
    whole_number,
)
from zfkeras.errors import UsageError


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), np.array(3)])
def test_whole_numbers_of_all_kinds_are_taken(value):
    assert whole_number("n", value, 1) == 3
    assert type(whole_number("n", value)) is int


@pytest.mark.parametrize("value", [2.5, 3.0, "3", None, True, [3], np.float32(3)])
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(UsageError, match="`n` must be a whole number. Received: n="):
        whole_number("n", value)


def test_numbers_too_low_are_refused():
    with pytest.raises(UsageError, match="whole number from 1. Received: n=0"):
        whole_number("n", 0, 1)
    assert whole_number("n", -5) == -5


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([np.zeros((4, 4, 3)), np.zeros((5, 4, 3))], "`images` must all be of one"),
        (["cat.jpg"], "`images` must be numbers. Received: images.dtype=<U7"),
    ],
)
def test_files_and_images_of_different_sizes_are_no_array(images, message):
    with pytest.raises(UsageError, match=message):
        as_numbers("images", images)


@pytest.mark.parametrize("layers", ["conv5", 5, np.int64(5)])
def test_a_single_layer_is_no_list(layers):
    with pytest.raises(UsageError, match="for a single one write"):
        list_of_layers(layers)


def test_models_that_are_no_graph_are_refused():
    for model in (keras.Sequential([keras.layers.Dense(2)]), object()):
        with pytest.raises(UsageError, match="functional or sequential Keras model"):
            check_graph(model)
