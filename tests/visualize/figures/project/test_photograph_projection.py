import keras
import numpy as np
import pytest

from tests.helpers import deconvnet_reference
from tests.helpers.networks import make_classifier
from tests.helpers.projections import shake
from tests.helpers.splits import noise
from visualize.figures.project.photograph_projection import (
    PhotographProjector,
    ProjectionSettings,
    choose_units,
)
from zfkeras import MaxPoolWithArgmax
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.errors import RunError, UsageError
from zfkeras.layers import LocalResponseNormalization
from zfkeras.models.classifier import Classifier

NAMES = ("n02124075 Egyptian cat", "bee", "dog")
LRN_OF = {"deconvnet": "identity", "guided": "gradient", "gradient": "gradient"}


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
def square():
    return noise(1, 24, 24)


@pytest.fixture(scope="module")
def projected(classifier, square):
    settings = ProjectionSettings(layer="high", units=4)
    return PhotographProjector(classifier, settings).project(square)


def maps_of(classifier, square, layer):
    """The layer's output by Keras alone, and what it was computed from."""
    crop = (square[2:-2, 2:-2].astype(np.float32) - 120) / 64
    model = classifier.model
    part = keras.Model(model.inputs, model.get_layer(layer).output)
    return part.predict(crop[None], verbose=0)[0], crop


def test_the_strongest_units_are_those_that_numpy_finds(classifier, square, projected):
    maps, _ = maps_of(classifier, square, "high")
    peaks = maps.max(axis=(0, 1))
    expected = sorted(range(10), key=lambda channel: -peaks[channel])[:4]
    assert projected.channels.tolist() == expected
    for channel, position, activation, own in zip(
        projected.channels,
        projected.positions,
        projected.activations,
        projected.maps,
        strict=True,
    ):
        np.testing.assert_allclose(own, maps[..., channel], rtol=1e-5, atol=1e-6)
        assert maps[*position, channel] == peaks[channel]
        assert activation == pytest.approx(peaks[channel], rel=1e-5)


@pytest.mark.parametrize("method", LRN_OF)
def test_projections_are_those_of_the_second_engine(
    classifier, square, projected, method
):
    _, crop = maps_of(classifier, square, "high")
    for row, (channel, (y, x)) in enumerate(
        zip(projected.channels, projected.positions, strict=True)
    ):

        def seed(maps, y=y, x=x, channel=channel):
            alone = np.zeros_like(maps)
            alone[:, y, x, channel] = maps[:, y, x, channel]
            return alone

        expected = deconvnet_reference.project(
            classifier.model,
            crop[None],
            seed,
            lambda model: model.get_layer("high").output,
            method,
            LRN_OF[method],
        )[0]
        scale = np.abs(expected).max()
        assert scale > 0
        found = projected.projections[method][row]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * scale)


def test_predictions_and_crop_are_those_of_the_classifier(
    classifier, square, projected
):
    np.testing.assert_array_equal(projected.crop, square[2:-2, 2:-2])
    expected = classifier.predict(square)[0]
    np.testing.assert_allclose(projected.probabilities, expected, rtol=1e-5)
    record = projected.to_json(NAMES)
    best = sorted(range(3), key=lambda label: -expected[label])
    assert [one["name"] for one in record["predictions"]] == [NAMES[i] for i in best]
    assert record["predictions"][0]["probability"] == pytest.approx(expected.max())
    assert [unit["channel"] for unit in record["units"]] == projected.channels.tolist()
    for unit, position, box in zip(
        record["units"], projected.positions, projected.boxes, strict=True
    ):
        assert unit["position"] == [*position] and unit["box"] == [*box]


def test_units_of_the_output_start_at_their_logits(classifier, square):
    projector = PhotographProjector(classifier, ProjectionSettings(layer="classes"))
    projected = projector.project(square)
    assert projector.is_output and not projector.has_positions
    assert projected.positions is None and projected.maps is None
    assert projected.channels.tolist() == projected.top_classes.tolist()
    assert projected.boxes.tolist() == [[0, 0, 20, 20]] * 3
    logits, shares = projected.activations, projected.probabilities[projected.channels]
    np.testing.assert_allclose(
        logits - logits[0], np.log(shares / shares[0]), atol=1e-4
    )
    assert [unit["position"] for unit in projected.to_json(NAMES)["units"]] == [
        None
    ] * 3


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
    found = choose_units(maps, ProjectionSettings(**settings))
    assert (found[0].tolist(), [*map(tuple, found[1].tolist())]) == (
        channels,
        positions,
    )


def test_the_default_layer_is_5_or_the_last_maps(classifier):
    settings = ProjectionSettings()
    assert PhotographProjector(classifier, settings).layer == "high"
    quarter = make_classifier(1, NAMES)
    projector = PhotographProjector(quarter, settings)
    assert (projector.layer, projector.layer_name) == (5, "pool5")
    assert projector.title == "Strongest units of layer 5 (pool5)"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"layer": "none"}, "none"),
        ({"layer": 6}, "conv1"),
        ({"layer": "high", "channels": [10]}, "10"),
        ({"layer": "high", "position": (5, 0)}, r"\(5, 0\)"),
        ({"layer": "classes", "position": (0, 0)}, "`position`"),
        ({"units": 0}, "0"),
        ({"units": 33}, "33"),
        ({"channels": [1, 1]}, r"\[1, 1\]"),
    ],
)
def test_what_the_network_does_not_have_is_refused_at_once(classifier, settings, named):
    with pytest.raises(UsageError, match=named):
        PhotographProjector(classifier, ProjectionSettings(**settings))


def test_activations_that_are_no_numbers_are_a_failed_run(square):
    broken = small_classifier()
    weights = broken.model.get_layer("low").get_weights()
    broken.model.get_layer("low").set_weights([weights[0] * np.nan, weights[1]])
    projector = PhotographProjector(broken, ProjectionSettings(layer="high"))
    with pytest.raises(RunError):
        projector.project(square)
