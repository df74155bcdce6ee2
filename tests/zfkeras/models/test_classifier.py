import dataclasses

import keras
import numpy as np
import pytest
from PIL import Image

from tests.helpers.splits import noise, png
from zfkeras.models.classifier import Classifier, predict_crops

NAMES = ("n02124075 Egyptian cat", "größer, 猫 \U0001f408", "bee", "dog")
SIZES = [(64, 64), (80, 120), (150, 70), (20, 30)]
# From dark to bright.
IMAGES = [noise(i, *size) // 4 + np.uint8(60 * i) for i, size in enumerate(SIZES)]


@pytest.fixture(scope="module")
def classifier(model_file):
    return Classifier.load(model_file)


def by_hand(classifier, image):
    """Centre and ten-crop answers to one image, each step written out."""
    square = classifier.preprocessing.square(image).astype(np.float32)
    difference = (square - classifier.preprocessing.mean_image) / 64
    places = [(0, 0), (0, 8), (8, 0), (8, 8), (4, 4)]
    crops = [difference[top : top + 56, left : left + 56] for top, left in places]
    crops += [crop[:, ::-1] for crop in crops]
    answers = np.asarray(classifier.model(np.stack(crops), training=False))
    return answers[4], answers.mean(axis=0)


# Predictions


def test_predictions_are_those_of_the_steps_by_hand(classifier):
    centre, ten = classifier.predict(IMAGES), classifier.predict(IMAGES, ten_crop=True)
    assert centre.shape == ten.shape == (4, 4)
    assert centre.dtype == ten.dtype == np.float32
    for image, one, ten_averaged in zip(IMAGES, centre, ten, strict=True):
        # Batches of another size add up in another order.
        expected_one, expected_ten = by_hand(classifier, image)
        np.testing.assert_allclose(one, expected_one, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(ten_averaged, expected_ten, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ten.sum(axis=1), 1, rtol=1e-5)
    # The network tells the images, and the two ways, apart.
    assert np.ptp(centre, axis=0).max() > 0.02
    assert np.abs(centre - ten).max() > 0.002


def test_prepared_images_are_what_the_model_takes(classifier):
    crops = classifier.prepare(IMAGES)
    assert crops.shape == (4, *classifier.model.input_shape[1:])
    assert crops.dtype == np.float32
    np.testing.assert_allclose(
        classifier.model.predict(crops, verbose=0),
        classifier.predict(IMAGES),
        atol=1e-6,
    )
    assert classifier.prepare(IMAGES[0]).shape == (1, *crops.shape[1:])
    for nothing in ([], np.zeros((0, 64, 64, 3), np.uint8), iter(())):
        assert classifier.prepare(nothing).shape == (0, *crops.shape[1:])
        assert classifier.predict(nothing).shape == (0, 4)


def test_every_form_of_an_image_gives_the_same_answer(classifier, tmp_path):
    path = tmp_path / "ü.png"
    path.write_bytes(png(IMAGES[1]))
    expected = classifier.predict([IMAGES[1]])
    forms = [
        IMAGES[1],
        IMAGES[1].astype(np.float32),
        IMAGES[1].astype(np.float64),
        path,
        str(path),
        path.read_bytes(),
        bytearray(path.read_bytes()),
        Image.fromarray(IMAGES[1]),
        keras.ops.convert_to_tensor(IMAGES[1]),
    ]
    for form in forms:
        for images in (form, [form], iter([form])):
            np.testing.assert_array_equal(classifier.predict(images), expected)


@pytest.mark.parametrize("ten_crop", [False, True])
@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_the_batch_size_changes_nothing(classifier, batch_size, ten_crop):
    images = [*IMAGES, IMAGES[0]]
    expected = classifier.predict(images, ten_crop=ten_crop)
    result = classifier.predict(images, ten_crop=ten_crop, batch_size=batch_size)
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


def test_no_more_than_batch_size_crops_go_through_the_network_at_once(classifier):
    sizes = []

    class Spy:
        def predict_on_batch(self, crops):
            sizes.append(len(crops))
            return np.full((len(crops), 4), 0.25, np.float32)

    spied = dataclasses.replace(classifier, model=Spy())
    for ten_crop in (False, True):
        spied.predict([IMAGES[0]] * 5, ten_crop=ten_crop, batch_size=3)
    assert max(sizes) == 3
    assert sum(sizes) == 5 + 50


@pytest.mark.parametrize(
    ("images", "batch_size", "error", "argument"),
    [
        (None, 64, TypeError, "images"),
        (3, 64, TypeError, "images"),
        (IMAGES, 0, ValueError, "batch_size"),
        (IMAGES, -1, ValueError, "batch_size"),
    ],
)
def test_wrong_arguments_are_refused(classifier, images, batch_size, error, argument):
    with pytest.raises(error, match=f"`{argument}` must be "):
        classifier.predict(images, batch_size=batch_size)


def test_predict_crops_keeps_images_and_crops_apart(classifier):
    crops = np.random.default_rng(1).normal(0, 5, (2, 10, 56, 56, 3))
    crops = crops.astype(np.float32)
    result = predict_crops(classifier.model, crops)
    assert result.shape == (2, 10, 4)
    flat = predict_crops(classifier.model, crops.reshape(20, 56, 56, 3))
    np.testing.assert_allclose(result.reshape(20, 4), flat, rtol=1e-4, atol=1e-5)
