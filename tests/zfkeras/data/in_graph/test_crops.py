import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.helpers.splits import noise
from zfkeras.data.in_graph.crops import centre_crops, ten_crops, training_crops
from zfkeras.data.preprocessing import Preprocessing

SIZE, CROP, NUMBER = 24, 20, 12
MEAN = np.random.default_rng(5).uniform(90, 150, (SIZE, SIZE, 3)).astype(np.float32)
IMAGES = np.stack([noise(number, SIZE, SIZE) for number in range(NUMBER)])
KINDS = [
    Preprocessing(MEAN, CROP),
    Preprocessing(MEAN, (CROP, 7), 1 / 64),
    Preprocessing(MEAN, CROP, (1.0, 0.5, 0.25), channel_order="bgr"),
    Preprocessing(MEAN[..., :1], CROP, 0.5),
]


def crops_of(preprocessing, windows, jit=False):
    """The training crops of all images, by the windows."""

    def crop(images, windows):
        return training_crops(preprocessing, images, windows)

    compiled = tf.function(crop, jit_compile=jit)
    return compiled(IMAGES, np.array(windows, np.float32)).numpy()


def resized(pixels, window):
    """What Pillow makes of a window: (height, width[, 3]) -> (CROP, CROP[, 3])."""
    top, left, bottom, right, flip, _ = window
    picture = Image.fromarray(pixels).resize(
        (CROP, CROP), Image.Resampling.BILINEAR, box=(left, top, right, bottom)
    )
    made = np.asarray(picture, np.float32)
    return made[:, ::-1] if flip else made


@pytest.mark.parametrize("preprocessing", KINDS)
def test_centre_and_ten_crops_are_those_of_single_images_to_the_bit(preprocessing):
    centre, ten = (crop(preprocessing, IMAGES) for crop in (centre_crops, ten_crops))
    for number, image in enumerate(IMAGES):
        np.testing.assert_array_equal(centre[number], preprocessing.centre_crop(image))
        np.testing.assert_array_equal(ten[number], preprocessing.ten_crop(image))


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("preprocessing", KINDS)
def test_a_training_crop_is_cut_at_its_window_to_the_bit(preprocessing, jit):
    windows = [preprocessing.training_window((1, 2, i)) for i in range(NUMBER)]
    result = crops_of(preprocessing, windows, jit)
    assert result.shape == (NUMBER, *preprocessing.input_shape)
    for crop, image, window in zip(result, IMAGES, windows, strict=True):
        top, left, bottom, right, flip, _ = map(int, window)
        expected = preprocessing.centred(image)[top:bottom, left:right]
        np.testing.assert_array_equal(crop, expected[:, ::-1] if flip else expected)


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("min_crop_area", [0.1, 0.35, 1.0])
def test_a_scaled_crop_is_pillows_within_one_grey_level(min_crop_area, jit):
    plain = Preprocessing(np.zeros_like(MEAN), CROP, 1.0, min_crop_area)
    windows = [plain.training_window((4, i)) for i in range(NUMBER)]
    result = crops_of(plain, windows, jit)
    for crop, image, window in zip(result, IMAGES, windows, strict=True):
        np.testing.assert_allclose(crop, resized(image, window), rtol=0, atol=1.01)
    # Pillow rounds twice, to both sides about alike.
    expected = np.stack(list(map(resized, IMAGES, windows)))
    assert abs((result - expected).mean()) < 0.2


def test_the_mean_of_a_scaled_crop_is_scaled_alike():
    scaled = Preprocessing(MEAN, CROP, 0.5, 0.3)
    windows = [scaled.training_window((4, i)) for i in range(NUMBER)]
    zero = Preprocessing(np.zeros_like(MEAN), CROP, 0.5, 0.3)
    difference = crops_of(zero, windows) - crops_of(scaled, windows)
    for found, window in zip(difference, windows, strict=True):
        channels = [
            resized(np.ascontiguousarray(MEAN[..., channel]), window)
            for channel in range(3)
        ]
        np.testing.assert_allclose(
            found, np.stack(channels, -1) / 2, rtol=1e-4, atol=1e-3
        )


def test_a_scaled_crop_of_area_1_is_the_whole_image():
    whole = Preprocessing(np.zeros_like(MEAN), CROP, 1.0, 1.0)
    windows = [whole.training_window((i,)) for i in range(NUMBER)]
    assert {window[:4] for window in windows} == {(0, 0, SIZE, SIZE)}
    assert {float(window[4]) for window in windows} == {0, 1}


@pytest.mark.parametrize("min_crop_area", [None, 1.0])
def test_a_reduced_crop_is_as_blurred_as_pillow_makes_it(min_crop_area):
    # Pillow's filter for pixels that many times larger, at every pixel of the original.
    blurred = Preprocessing(
        np.zeros_like(MEAN), SIZE, 1.0, min_crop_area, max_reduction=3
    )
    window = (0, 0, SIZE, SIZE, 0, 3)
    found = crops_of(blurred, [window] * NUMBER)
    places = np.arange(SIZE)
    triangle = np.maximum(1 - np.abs(places[:, None] - places) / 3, 0)
    triangle /= triangle.sum(axis=1, keepdims=True)
    expected = np.einsum("iy,nyxc,jx->nijc", triangle, IMAGES, triangle)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)
    for image, crop in zip(IMAGES, found, strict=True):
        small = Image.fromarray(image).resize((8, 8), Image.Resampling.BILINEAR)
        at_centres = crop[1::3, 1::3]
        np.testing.assert_allclose(at_centres, np.asarray(small), rtol=0, atol=1.01)


def test_a_grey_training_crop_is_scaled_as_a_coloured_one_is():
    grey_images = np.repeat(IMAGES[..., :1], 3, axis=-1)
    colour = Preprocessing(np.full_like(MEAN, 100), CROP, 1.0, 0.3)
    grey = Preprocessing(np.full_like(MEAN[..., :1], 100), CROP, 1.0, 0.3)
    windows = np.array([grey.training_window((i,)) for i in range(NUMBER)], np.float32)
    found, expected = (training_crops(p, grey_images, windows) for p in (grey, colour))
    np.testing.assert_allclose(found, expected[..., :1], rtol=0, atol=1e-3)
