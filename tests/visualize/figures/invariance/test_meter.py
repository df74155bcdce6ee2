import keras
import numpy as np
import pytest

from visualize.figures.invariance.meter import InvarianceMeter
from visualize.figures.invariance.transformations import Sweep, rotation, translation
from zfkeras.errors import UsageError

SHIFTS = Sweep("vertical translation", "pixels", np.arange(-2.0, 3), 0, translation)


def small_model(side=6, classes=3):
    keras.utils.set_random_seed(3)
    layers = [
        keras.layers.Conv2D(4, 3, activation="relu", name="low"),
        keras.layers.Flatten(name="high"),
        keras.layers.Dense(classes, activation="softmax"),
    ]
    return keras.Sequential([keras.Input((side, side, 3)), *layers])


@pytest.fixture
def images():
    return np.random.default_rng(1).integers(0, 256, (2, 10, 10, 3), np.uint8)


def shifted_crop(image, mean, pixels, side=6):
    """The centre of an image moved down by whole pixels, mean subtracted, 0 outside."""
    margin = (len(image) - side) // 2
    crop = np.zeros((side, side, 3), np.float32)
    for y in range(side):
        source = y + margin - pixels
        if 0 <= source < len(image):
            row = image[source, margin : margin + side].astype(np.float32)
            crop[y] = row - mean[y + margin, margin : margin + side]
    return crop


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_distances_and_probabilities_equal_a_slow_twin(images, batch_size):
    model = small_model()
    mean = np.random.default_rng(2).uniform(90, 150, (10, 10, 3)).astype(np.float32)
    meter = InvarianceMeter(model, ["low", "high"], mean_image=mean, input_scale=0.01)
    sweep = Sweep("shift", "pixels", np.array([-3.0, 0, 1, 4]), 0, translation)
    (curves,) = meter.measure(images, [2, None], [sweep], batch_size=batch_size)
    low = keras.Model(model.inputs[0], [model.layers[0].output, *model.outputs])
    for number, image in enumerate(images):
        crops = [shifted_crop(image, mean, pixels) for pixels in (-3, 0, 1, 4)]
        maps, outputs = (np.asarray(x) for x in low(np.stack(crops) * np.float32(0.01)))
        flat = maps.reshape(4, -1)
        wanted = np.linalg.norm(flat - flat[1], axis=1)
        np.testing.assert_allclose(
            curves.distances["low"][number], wanted, rtol=1e-4, atol=1e-4
        )
        norm = np.linalg.norm(flat[1])
        np.testing.assert_allclose(
            curves.relative("high")[number], wanted / norm, rtol=1e-4, atol=1e-4
        )
        label = 2 if number == 0 else outputs[1].argmax()
        np.testing.assert_allclose(
            curves.probabilities[number], outputs[:, label], rtol=1e-4
        )
        assert curves.labels[number].tolist() == outputs.argmax(axis=1).tolist()
        assert curves.start()[number] == pytest.approx(outputs[1, label], rel=1e-4)


def test_the_image_as_it_is_has_no_distance_and_keeps_its_label(images):
    meter = InvarianceMeter(small_model(), ["low", "high"], mean_image=120.0)
    for curves in meter.measure(images):
        start = int(np.argmin(curves.sweep.away))
        assert curves.relative("low")[:, start].max() < 1e-5
        assert 0 < curves.same_label() <= 1


def test_an_image_that_is_the_same_all_around_does_not_change_when_turned():
    y, x = np.mgrid[:10, :10] - 4.5
    ring = 100 + 100 * np.cos(np.hypot(y, x) / 2)
    image = np.repeat(ring[None, :, :, None], 3, axis=-1)
    meter = InvarianceMeter(small_model(), ["low"], input_scale=0.01)
    quarters = Sweep("turn", "degrees", np.arange(0.0, 360, 90), 0, rotation, 360)
    (turned,) = meter.measure(image, sweeps=[quarters])
    assert turned.relative("low").max() < 1e-4


def test_pictures_are_what_the_network_sees(images):
    mean = np.full((10, 10, 3), 100, np.float32)
    meter = InvarianceMeter(small_model(), ["low"], mean_image=mean, input_scale=0.5)
    shown = meter.pictures(images[0], SHIFTS, [0, 4])
    assert (shown[0] == images[0, 2:8, 2:8]).all()
    assert (shown[1, 2:] == images[0, :4, 2:8]).all()
    assert (shown[1, :2] == 100).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": np.zeros((1, 5, 10, 3))}, r"\(6, 6\) or more"),
        ({"images": np.zeros((0, 10, 10, 3))}, "at least one"),
        ({"images": np.zeros((1, 10, 10, 1))}, r"Received: images.shape=\(1, 10"),
        ({"images": np.zeros((1, 12, 12, 3))}, r"size of the mean image, \(10, 10"),
        ({"images": np.zeros((1, 10, 10, 3)), "labels": [3]}, "from 0 to 2"),
        ({"images": np.zeros((1, 10, 10, 3)), "labels": []}, "one for each of 1"),
        ({"images": np.zeros((1, 10, 10, 3)), "labels": [1.5]}, "a whole number"),
        ({"images": np.zeros((1, 10, 10, 3)), "batch_size": 0}, "`batch_size` must"),
        ({"images": ["cat.jpg"]}, "`images` must be numbers"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    meter = InvarianceMeter(small_model(), ["low"], mean_image=np.zeros((10, 10, 3)))
    with pytest.raises(UsageError, match=message):
        meter.measure(**arguments)
