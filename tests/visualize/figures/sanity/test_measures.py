import keras
import numpy as np
import pytest

from tests.helpers.projections import shake
from tests.helpers.sanity_reference import units_at
from visualize.deconvnet.deconvnet import METHODS, Deconvnet
from visualize.figures.sanity.masking import PixelTest
from visualize.figures.sanity.measures import (
    CHANCE,
    EDGES,
    edge_maps,
    measure_units,
    project_units,
    replace_weights,
)
from visualize.figures.sanity.signals import SignalProjector
from visualize.figures.sanity.twin import Twin
from visualize.figures.sanity.units import TOP


def examine(model, layer, inputs, channels, positions, size, objects=None):
    twin = Twin(model, [layer], inputs)
    projector = SignalProjector(twin.model, layer, TOP * len(channels))
    pixels = PixelTest(twin.model, twin.model.get_layer(layer).output)
    units = units_at(inputs, channels, positions, size, objects)
    shown = project_units(units, projector)
    tested = measure_units(shown, projector, pixels, 0)
    likeness, stages = replace_weights(twin, layer, shown, projector)
    return shown, tested, likeness, stages


@pytest.fixture(scope="module")
def linear():
    """A convolution without a ReLU: each unit's picture is its filter."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((12, 12, 3)), keras.layers.Conv2D(12, 5, name="conv")]
    )
    inputs = np.random.default_rng(0).normal(size=(TOP, 12, 12, 3)).astype(np.float32)
    maps = np.asarray(model(inputs))[..., :2]
    places = maps.transpose(3, 0, 1, 2).reshape(2, TOP, -1).argmax(axis=2)
    positions = np.stack([places // 8, places % 8], axis=-1)
    objects = np.zeros((TOP, 12, 12), bool)
    objects[:, :, 6:] = True
    return model, *examine(model, "conv", inputs, [0, 1], positions, 5, objects)


def test_a_linear_networks_pictures_are_its_filters_whatever_the_image(linear):
    model, shown, tested, _, stages = linear
    kernel = np.asarray(model.layers[0].kernel)[..., :2]
    flat = kernel.reshape(-1, 2)
    apart = flat[:, 0] @ flat[:, 1] / np.prod(np.linalg.norm(flat, axis=0))
    cut, _ = shown.units.aligned(shown.pictures["gradient"])
    ratio = cut[0] / kernel[..., 0]
    np.testing.assert_allclose(ratio, ratio.mean(), rtol=1e-4)
    for method in METHODS:
        scores = tested.scores[method]
        np.testing.assert_allclose(scores["same_unit"], 1, atol=1e-5)
        np.testing.assert_allclose(scores["other_units"], apart, atol=1e-5)
        assert stages[method].shape == (2, 12, 12, 3)


def test_every_method_passes_the_tests_of_weights_on_a_linear_network(linear):
    _, _, tested, likeness, _ = linear
    for method in METHODS:
        # 12 random channels, 75 random weights: nothing in common but chance.
        assert abs(tested.scores[method]["other_signal"].mean()) < 0.3
        assert np.abs(likeness[method]["rank"][1]).max() < 0.5
        assert tested.scores[method]["gain"].min() > 0.1
        assert (tested.scores[method]["gain"] > tested.scores[CHANCE]["gain"]).all()


def test_shares_on_the_object_are_those_of_what_the_unit_sees(linear):
    _, shown, tested, _, _ = linear
    sizes = np.abs(shown.pictures["deconvnet"]).sum(-1)
    shares = sizes[:, :, 6:].sum((1, 2)) / sizes.sum((1, 2))
    found = tested.scores["deconvnet"]
    np.testing.assert_allclose(
        found["on_object"], shares.reshape(2, TOP).mean(1), rtol=1e-5
    )
    left = shown.units.fields[:, 1]
    area = np.clip(left + 5 - 6, 0, 5) / 5
    np.testing.assert_allclose(found["object_area"], area.reshape(2, TOP).mean(1))


def test_every_method_fails_where_the_switches_make_the_picture():
    """One colour, a max pool and 1x1 filters: a pixel, whatever the filters are."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.MaxPooling2D(4, name="pool"),
            keras.layers.Conv2D(16, 1, activation="relu", name="conv"),
        ]
    )
    random = np.random.default_rng(1)
    model.layers[1].kernel.assign(random.uniform(0.5, 1, (1, 1, 1, 16)))
    inputs = random.uniform(0.5, 1, (TOP, 8, 8, 1)).astype(np.float32)
    positions = np.zeros((2 * TOP, 2), np.int64)
    shown, tested, likeness, _ = examine(model, "conv", inputs, [0, 1], positions, 4)
    place = inputs[0, :4, :4, 0].argmax()
    for method in METHODS:
        assert np.flatnonzero(shown.pictures[method][0, :4, :4, 0]).tolist() == [place]
        scores = tested.scores[method]
        np.testing.assert_allclose(scores["same_unit"], scores["other_units"])
        for found in likeness[method].values():
            np.testing.assert_allclose(found[1:], 1, atol=1e-6)
    np.testing.assert_allclose(tested.scores["gradient"]["other_signal"], 1)


def test_a_signal_of_one_channel_is_projected_as_the_channel_is():
    model = keras.Sequential(
        [
            keras.Input((14, 14, 3)),
            keras.layers.Conv2D(6, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Conv2D(7, 3, activation="relu", name="conv"),
        ]
    )
    shake(model)
    inputs = np.random.default_rng(0).normal(size=(2, 14, 14, 3)).astype(np.float32)
    projector = SignalProjector(model, "conv", 4)
    which, places = np.array([0, 1, 1]), np.array([[0, 1], [2, 2], [1, 0]])
    channels = projector.strongest_channels(inputs, which, places)
    maps = np.asarray(model(inputs))
    np.testing.assert_array_equal(channels, maps[which, *places.T].argmax(axis=1))
    for method in METHODS:
        made = projector.project(
            method, inputs, which, places, projector.of_channels(channels)
        )
        wanted = Deconvnet(model, method=method).project(
            inputs, "conv", channels, places, image=which
        )
        np.testing.assert_allclose(made, wanted, rtol=1e-4, atol=1e-5)


def test_edges_of_a_step_lie_on_the_step():
    images = np.zeros((1, 5, 6, 3), np.float32)
    images[:, :, 3:] = 1
    found = edge_maps(images)[0]
    np.testing.assert_allclose(found[2], [0, 0, 4, 4, 0, 0])
    assert EDGES not in METHODS
