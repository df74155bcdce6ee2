import dataclasses

import keras
import numpy as np
import pytest

from tests.helpers.splits import noise, png, split_of
from visualize.deconvnet.deconvnet import Deconvnet
from visualize.figures.features.top_features import (
    choose_channels,
    layer_features,
    mean_num_classes,
)
from visualize.images.contrast import ZERO, to_uint8
from visualize.strongest.top_activations import Strongest, TopActivations
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.errors import RunError
from zfkeras.layers import MaxPoolWithArgmax

SIZE, CROP, NUMBER = 18, 16, 7
MEAN = np.full((SIZE, SIZE, 3), 100, np.float32)
PREPROCESSING = Preprocessing(MEAN, CROP, input_scale=1 / 64)


@pytest.fixture(scope="module")
def model():
    images = keras.Input((CROP, CROP, 3))
    x = keras.layers.ZeroPadding2D(((0, 1), (0, 1)))(images)
    x = keras.layers.Conv2D(6, 3, 2, activation="relu", name="conv1")(x)
    x, _ = MaxPoolWithArgmax(2, 2, name="pool1")(x)
    x = keras.layers.Conv2D(5, 3, padding="same", activation="relu", name="conv2")(x)
    x = keras.layers.Flatten()(x)
    model = keras.Model(images, keras.layers.Dense(3, name="fc")(x))
    random = np.random.default_rng(0)
    for layer in model.layers:
        # Above the first layer positive, so that each image excites each channel.
        low = -1 if layer.name == "conv1" else 0.1
        layer.set_weights([random.uniform(low, 1, w.shape) for w in layer.weights])
    return model


@pytest.fixture(scope="module")
def look(model):
    """Projects channels of a layer in noise images; `change` alters what was found."""
    finder = TopActivations(model, ["pool1", "conv2", "fc"], 9, PREPROCESSING)
    deconvnet, scanned = Deconvnet(model), finder.scan(split_of(files()))

    def look(layer, channels, split=None, change=lambda found: found):
        found, split = change(scanned[layer]), split or split_of(files())
        return layer_features(
            finder, deconvnet, layer, found, np.array(channels), split
        )

    return look


@pytest.fixture(scope="module")
def made(look):
    """Layer -> features of some channels, in reach of every test."""
    channels = {"pool1": [5, 0], "conv2": [0, 2, 4], "fc": [1]}
    return {layer: look(layer, chosen) for layer, chosen in channels.items()}


def files():
    return [png(noise(i, SIZE, SIZE)) for i in range(NUMBER)]


def crop(number):
    return noise(number, SIZE, SIZE)[1:-1, 1:-1]


def test_patches_are_what_lies_in_the_boxes_of_the_raw_image(made):
    features = made["pool1"]
    assert features.field.size == (5, 5)
    assert features.patches.shape == (2, 9, 5, 5, 3)
    for row, place in np.ndindex(2, NUMBER):
        number = features.strongest.images[row, place]
        # Two windows of 3 pixels at steps of 2, pooled by twos: 4 pixels a step.
        y, x = 4 * features.strongest.positions[row, place]
        assert features.boxes[row, place].tolist() == [y, x, y + 5, x + 5]
        padded = np.pad(crop(number), ((0, 9), (0, 9), (0, 0)), constant_values=128)
        np.testing.assert_array_equal(
            features.patches[row, place], padded[y : y + 5, x : x + 5]
        )
        assert features.ids[row][place] == f"image-{number}"


def test_reconstructions_are_those_of_single_images(made, model):
    features, deconvnet = made["conv2"], Deconvnet(model)
    top = features.strongest
    for row, place in np.ndindex(len(features.channels), NUMBER):
        image = PREPROCESSING.centre_crop(noise(top.images[row, place], SIZE, SIZE))
        whole = deconvnet.project(
            image[None],
            "conv2",
            int(features.channels[row]),
            tuple(top.positions[row, place]),
        )
        y0, x0, y1, x1 = features.boxes[row, place] + 16
        assert (y1 - y0, x1 - x0) == (13, 13)
        padded = np.pad(whole, ((0, 0), (16, 16), (16, 16), (0, 0)))
        inside = padded[:, y0:y1, x0:x1]
        # Nothing of it lies outside the box.
        assert np.count_nonzero(inside) == np.count_nonzero(whole)
        shown = features.reconstructions[row, place].astype(int)
        assert np.abs(shown - to_uint8(inside)).max() <= 1


def test_units_of_a_fully_connected_layer_see_the_whole_image(made):
    features = made["fc"]
    number = features.strongest.images[0, 0]
    np.testing.assert_array_equal(features.patches[0, 0], crop(number))
    assert features.boxes[0, 0].tolist() == [0, 0, CROP, CROP]
    assert (features.reconstructions[0, 0] != ZERO).any()


def test_only_the_first_convolution_has_filters_to_show(made, model):
    kernel = np.asarray(model.get_layer("conv1").kernel)
    shown = made["pool1"].filters
    np.testing.assert_array_equal(shown[0], kernel[..., 5])
    np.testing.assert_array_equal(shown[1], kernel[..., 0])
    assert made["conv2"].filters is made["fc"].filters is None


def test_activations_that_are_not_above_zero_are_not_shown(look):
    def change(found):
        values = found.values.copy()
        values[1, 2:], values[2] = 0, -1
        return dataclasses.replace(found, values=values)

    features = look("conv2", [1, 2], change=change)
    assert features.is_shown.sum(axis=1).tolist() == [2, 0]
    assert (features.patches[0, 2:] == ZERO).all()
    assert (features.patches[1] == ZERO).all()
    assert [len([*filter(None, row)]) for row in features.ids] == [2, 0]


def test_images_that_have_changed_since_the_scan_are_refused(look):
    with pytest.raises(RunError, match="conv2 channel . gave .* the images have chang"):
        look("conv2", range(5), split_of(files()[::-1]))
    with pytest.raises(RunError, match="image-0 cannot be read.*have changed"):
        look("conv2", range(5), split_of([b""] * NUMBER))


def strongest_of(values, labels=None):
    values = np.asarray(values, np.float32)
    zeros = np.zeros(values.shape, int)
    labels = zeros if labels is None else np.asarray(labels)
    return Strongest("conv3", values, zeros, labels, np.stack([zeros, zeros], -1))


def test_drawn_channels_are_alive_and_fixed_by_the_seed():
    top = strongest_of([[1], [0], [2], [3], [-1], [4]])
    assert top.dead.tolist() == [False, True, False, False, True, False]
    drawn = choose_channels(top, 3, seed=1).tolist()
    assert len({*drawn}) == 3 and drawn == sorted(drawn) and {*drawn} <= {0, 2, 3, 5}
    assert drawn == choose_channels(top, 3, seed=1).tolist()
    assert choose_channels(top, 99).tolist() == [0, 2, 3, 5]
    assert len({tuple(choose_channels(top, 2, seed)) for seed in range(30)}) == 6


def test_classes_are_counted_over_live_channels():
    values = [[3, 2, 1], [3, 2, 1], [0, 0, 0], [1, 0, -np.inf]]
    labels = [[7, 7, 2], [1, 1, 1], [1, 2, 3], [0, 5, -1]]
    assert mean_num_classes(strongest_of(values, labels)) == (2 + 1 + 1) / 3
    assert np.isnan(mean_num_classes(strongest_of([[0.0]])))
