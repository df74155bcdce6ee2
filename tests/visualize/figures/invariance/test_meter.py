import keras
import numpy as np
import pytest

from tests.helpers.other_networks import as_classifier, vgg
from visualize.figures.invariance.meter import InvarianceMeter
from visualize.figures.invariance.transformations import Sweep, rotation, translation
from zfkeras.errors import UsageError


def shifts(*values):
    return Sweep("shift", "pixels", np.array(values, float), 0, translation)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    layers = [
        keras.layers.Conv2D(4, 3, activation="relu", name="low"),
        keras.layers.Flatten(name="high"),
        keras.layers.Dense(3, activation="softmax"),
    ]
    return keras.Sequential([keras.Input((6, 6, 3)), *layers])


@pytest.fixture(scope="module")
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


@pytest.mark.parametrize("batch_size", [3, 64])
def test_distances_and_probabilities_equal_a_slow_twin(model, images, batch_size):
    mean = np.random.default_rng(2).uniform(90, 150, (10, 10, 3)).astype(np.float32)
    meter = InvarianceMeter(model, ["low", "high"], mean_image=mean, input_scale=0.01)
    sweep = shifts(-3, 0, 1, 4)
    (curves,) = meter.measure(images, [2, None], [sweep], batch_size=batch_size)
    low = keras.Model(model.inputs[0], [model.layers[0].output, *model.outputs])
    for number, image in enumerate(images):
        crops = [shifted_crop(image, mean, pixels) for pixels in (-3, 0, 1, 4)]
        maps, outputs = (np.asarray(x) for x in low(np.stack(crops) * np.float32(0.01)))
        flat, label = maps.reshape(4, -1), 2 if number == 0 else outputs[1].argmax()
        distances = np.linalg.norm(flat - flat[1], axis=1)
        near = {"rtol": 1e-4, "atol": 1e-4}
        np.testing.assert_allclose(curves.distances["low"][number], distances, **near)
        np.testing.assert_allclose(
            curves.relative("high")[number], distances / np.linalg.norm(flat[1]), **near
        )
        np.testing.assert_allclose(
            curves.probabilities[number], outputs[:, label], rtol=1e-4
        )
        assert curves.labels[number].tolist() == outputs.argmax(axis=1).tolist()
        assert curves.start()[number] == pytest.approx(outputs[1, label], rel=1e-4)


def test_a_classifier_is_taken():
    classifier = as_classifier(vgg(3), 3)
    meter = InvarianceMeter(classifier, ["block1_pool"])
    assert meter.size == (32, 32)


def test_an_image_that_is_the_same_all_around_does_not_change_when_turned(model):
    y, x = np.mgrid[:10, :10] - 4.5
    ring = 100 + 100 * np.cos(np.hypot(y, x) / 2)
    image = np.repeat(ring[None, :, :, None], 3, axis=-1)
    meter = InvarianceMeter(model, ["low"], input_scale=0.01)
    quarters = Sweep("turn", "degrees", np.arange(0.0, 360, 90), 0, rotation, 360)
    (turned,) = meter.measure(image, sweeps=[quarters])
    assert turned.relative("low").max() < 1e-4


def test_pictures_are_what_the_network_sees(model, images):
    mean = np.full((10, 10, 3), 100, np.float32)
    meter = InvarianceMeter(model, ["low"], mean_image=mean, input_scale=0.5)
    shown = meter.pictures(images[0], shifts(-2, 0, 2), [0, 4])
    assert (shown[0] == images[0, 2:8, 2:8]).all()
    assert (shown[1, 2:] == images[0, :4, 2:8]).all()
    assert (shown[1, :2] == 100).all()


ONE = np.zeros((1, 10, 10, 3))


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("images", {"images": np.zeros((1, 5, 10, 3))}),
        ("images", {"images": np.zeros((0, 10, 10, 3))}),
        ("images", {"images": np.zeros((1, 10, 10, 1))}),
        ("images", {"images": np.zeros((1, 12, 12, 3))}),  # the mean image is smaller
        ("images", {"images": ["cat.jpg"]}),
        ("labels", {"images": ONE, "labels": [3]}),
        ("labels", {"images": ONE, "labels": []}),
        ("labels", {"images": ONE, "labels": [1.5]}),
        ("batch_size", {"images": ONE, "batch_size": 0}),
    ],
)
def test_wrong_arguments_are_named(model, argument, arguments):
    meter = InvarianceMeter(model, ["low"], mean_image=ONE[0])
    with pytest.raises(UsageError) as caught:
        meter.measure(**arguments)
    assert caught.value.argument == argument
