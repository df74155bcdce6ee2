import keras
import numpy as np
import pytest

from tests.helpers import deconvnet_reference
from tests.helpers.networks import make_classifier
from tests.helpers.projections import shake
from tests.helpers.splits import noise
from visualize.figures.project.figure import ProjectSettings
from visualize.figures.project.photograph_projection import (
    PhotographProjector,
    choose_units,
)
from zfkeras import MaxPoolWithArgmax
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.errors import RunError, UsageError
from zfkeras.layers import LocalResponseNormalization
from zfkeras.models.classifier import Classifier

NAMES = ("n02124075 Egyptian cat", "bee", "dog")
LRN_OF = {"deconvnet": "identity", "guided": "gradient", "gradient": "gradient"}
SQUARE = noise(1, 24, 24)
CROP = (SQUARE[2:-2, 2:-2].astype(np.float32) - 120) / 64


def small_classifier():
    """Every kind of layer of ZFNet on images of 20x20 pixels."""
    keras.utils.set_random_seed(3)
    image = keras.Input((20, 20, 3))
    x = keras.layers.Conv2D(8, 3, 2, "same", activation="relu", name="low")(image)
    x, _ = MaxPoolWithArgmax(3, 2, "same", name="pool")(x)
    x = LocalResponseNormalization(alpha=0.5, name="norm")(x)
    x = keras.layers.Conv2D(10, 3, 1, "same", activation="relu", name="high")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    outputs = keras.layers.Dense(3, "softmax", name="classes")(x)
    model = keras.Model(image, outputs)
    shake(model)
    mean_image = np.full((24, 24, 3), 120, np.float32)
    preprocessing = Preprocessing(mean_image, crop_size=20, input_scale=1 / 64)
    return Classifier(model, preprocessing, NAMES)


@pytest.fixture(scope="module")
def classifier():
    return small_classifier()


@pytest.fixture(scope="module")
def projected(classifier):
    settings = ProjectSettings(layer="high", units=4)
    return PhotographProjector(classifier, settings).project(SQUARE)


def test_the_strongest_units_are_those_that_numpy_finds(classifier, projected):
    model = classifier.model
    part = keras.Model(model.inputs, model.get_layer("high").output)
    maps = part.predict(CROP[None], verbose=0)[0]
    peaks = maps.max(axis=(0, 1))
    assert projected.channels.tolist() == np.argsort(-peaks)[:4].tolist()
    for row, channel in enumerate(projected.channels):
        own = maps[..., channel]
        np.testing.assert_allclose(projected.maps[row], own, rtol=1e-5, atol=1e-6)
        assert own[*projected.positions[row]] == peaks[channel]
        assert projected.activations[row] == pytest.approx(peaks[channel], rel=1e-5)


@pytest.mark.parametrize("method", LRN_OF)
def test_projections_are_those_of_the_second_engine(classifier, projected, method):
    for row, channel in enumerate(projected.channels):

        def seed(maps, unit=(0, *projected.positions[row], channel)):
            alone = np.zeros_like(maps)
            alone[unit] = maps[unit]
            return alone

        expected = deconvnet_reference.project(
            classifier.model,
            CROP[None],
            seed,
            lambda model: model.get_layer("high").output,
            method,
            LRN_OF[method],
        )[0]
        scale = np.abs(expected).max()
        assert scale > 0
        found = projected.projections[method][row]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * scale)


def test_units_of_the_output_start_at_their_logits(classifier):
    projector = PhotographProjector(classifier, ProjectSettings(layer="classes"))
    projected = projector.project(SQUARE)
    assert projector.is_output and not projector.has_positions
    assert projected.positions is None and projected.maps is None
    assert projected.channels.tolist() == projected.top_classes.tolist()
    assert projected.boxes.tolist() == [[0, 0, 20, 20]] * 3
    logits, shares = projected.activations, projected.probabilities[projected.channels]
    ratios = np.log(shares / shares[0])
    np.testing.assert_allclose(logits - logits[0], ratios, atol=1e-4)
    units = projected.to_json(NAMES)["units"]
    assert [unit["position"] for unit in units] == [None] * 3


@pytest.mark.parametrize(
    ("settings", "channels", "positions"),
    [
        ({}, [2, 0, 1], [(1, 0), (0, 1), (0, 0)]),
        ({"units": 2}, [2, 0], [(1, 0), (0, 1)]),
        ({"channels": [1, 2]}, [1, 2], [(0, 0), (1, 0)]),
        ({"position": (0, 1), "units": 2}, [0, 2], [(0, 1), (0, 1)]),
        ({"position": (0, 1), "channels": [2]}, [2], [(0, 1)]),
    ],
)
def test_units_are_chosen_by_strength_unless_they_are_given(
    settings, channels, positions
):
    maps = np.zeros((2, 2, 3), np.float32)
    maps[0, 1, 0] = 5
    maps[1, 0, 2] = 7
    maps[..., 1] = -1  # equal everywhere: the first position counts
    maps[1, 1, 1] = -2
    found = choose_units(maps, ProjectSettings(**settings))
    assert found[0].tolist() == channels
    assert [*map(tuple, found[1].tolist())] == positions


def test_the_default_layer_is_5_or_the_last_maps(classifier):
    settings = ProjectSettings()
    assert PhotographProjector(classifier, settings).layer == "high"
    projector = PhotographProjector(make_classifier(1, NAMES), settings)
    assert (projector.layer, projector.layer_name) == (5, "pool5")
    assert projector.title == "Strongest units of layer 5 (pool5)"


@pytest.mark.parametrize(
    ("argument", "settings"),
    [
        ("layer", {"layer": "none"}),
        ("layer", {"layer": 6}),
        ("channel", {"layer": "high", "channels": [10]}),
        ("position", {"layer": "high", "position": (5, 0)}),
        ("position", {"layer": "classes", "position": (0, 0)}),
        ("units", {"units": 0}),
        ("units", {"units": 33}),
        ("channel", {"channels": [1, 1]}),
    ],
)
def test_what_the_network_does_not_have_is_refused_at_once(
    classifier, argument, settings
):
    with pytest.raises(UsageError) as caught:
        PhotographProjector(classifier, ProjectSettings(**settings))
    assert caught.value.argument == argument


def test_activations_that_are_no_numbers_are_a_failed_run():
    broken = small_classifier()
    high = broken.model.get_layer("high")
    kernel, bias = high.get_weights()
    high.set_weights([kernel, bias + np.inf])
    projector = PhotographProjector(broken, ProjectSettings(layer="high"))
    with pytest.raises(RunError):
        projector.project(SQUARE)
