import dataclasses

import numpy as np
import pytest
from PIL import Image

from tests.helpers.splits import noise
from zfkeras.data.preprocessing import Preprocessing

MEAN = np.random.default_rng(5).uniform(90, 150, (12, 12, 3)).astype(np.float32)
SQUARE = noise(1, 12, 12)


def preprocessing(**changes):
    return Preprocessing(**{"mean_image": MEAN, "crop_size": 8, **changes})


def test_centred_subtracts_the_mean_and_scales():
    mean = np.full((2, 2, 3), 100.5, np.float32)
    square = np.full((2, 2, 3), 200, np.uint8)
    dark = np.zeros((2, 2, 3), np.uint8)
    plain, scaled = Preprocessing(mean, 2), Preprocessing(mean, 2, input_scale=0.5)
    assert plain.centred(square).tolist() == np.full((2, 2, 3), 99.5).tolist()
    assert plain.centred(dark).min() == -100.5  # it does not wrap around below zero
    assert scaled.centred(square).max() == 49.75
    assert scaled.centred(square).dtype == np.float32


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("mean_image", np.zeros(2), "`mean_image`"),
        ("mean_image", np.zeros((12, 12, 2)), "`mean_image`"),
        ("mean_image", 127.5, "`mean_image`"),
        ("crop_size", 13, "`crop_size`"),
        ("crop_size", (8, 13), "`crop_size`"),
        ("crop_size", (8, 8, 3), "`crop_size`"),
        ("crop_size", 0, "`crop_size`"),
        ("crop_size", 8.0, "float"),
        ("input_scale", float("nan"), "`input_scale`"),
        ("input_scale", 1j, "`input_scale`"),
        ("input_scale", (1.0, 2.0), "`input_scale`"),
        ("input_scale", (1.0, 2.0, float("inf")), "`input_scale`"),
        ("channel_order", "rbg", "`channel_order`"),
    ],
)
def test_what_would_fail_at_the_first_image_is_refused(name, value, error):
    with pytest.raises((ValueError, TypeError), match=error):
        preprocessing(**{name: value})


def test_centre_crop_is_cut_from_the_centre_of_the_difference():
    expected = (SQUARE[2:10, 2:10].astype(np.float64) - MEAN[2:10, 2:10]) / 64
    result = preprocessing(input_scale=1 / 64).centre_crop(SQUARE)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)
    assert result.dtype == np.float32


@pytest.mark.parametrize("min_crop_area", [None, 0.3])
def test_the_seed_alone_decides_a_training_window(min_crop_area):
    first = preprocessing(min_crop_area=min_crop_area)
    second = preprocessing(min_crop_area=min_crop_area)
    windows = [first.training_window((0, i)) for i in range(20)]
    np.random.seed(3)
    again = [second.training_window((0, i)) for i in reversed(range(20))]
    assert windows == again[::-1]
    assert len(set(windows)) > 15


@pytest.mark.parametrize("min_crop_area", [None, 0.3])
def test_training_windows_lie_inside_and_half_are_mirrored(min_crop_area):
    made = preprocessing(min_crop_area=min_crop_area)
    windows = np.array([made.training_window((1, i)) for i in range(400)], float)
    top, left, bottom, right, flip, reduction = windows.T
    assert min(top.min(), left.min()) >= 0 and max(bottom.max(), right.max()) <= 12
    if min_crop_area is None:
        assert {*(bottom - top), *(right - left)} == {8}
    assert 150 < flip.sum() < 250  # five standard deviations of ten
    assert set(reduction) == {1}


@pytest.mark.parametrize("min_crop_area", [None, 0.3])
def test_reductions_are_spread_evenly_and_leave_the_places_alone(min_crop_area):
    sharp = preprocessing(min_crop_area=min_crop_area)
    made = dataclasses.replace(sharp, max_reduction=4.0)
    windows = np.array([made.training_window((1, i)) for i in range(400)], float)
    reductions = windows[:, 5]
    assert 1 <= reductions.min() < 1.05 and 3.8 < reductions.max() <= 4
    assert 150 < (reductions < 2).sum() < 250  # by octaves
    same = [sharp.training_window((1, i))[:5] for i in range(400)]
    np.testing.assert_array_equal(windows[:, :5], same)


def test_a_mean_per_channel_is_an_image_of_the_crops_size():
    few = Preprocessing((10, 20, 30), (4, 6))
    assert few.image_shape == few.input_shape == (4, 6, 3)
    assert few.mean_image[3, 5].tolist() == [10, 20, 30]
    assert few.centre_crop(np.full((4, 6, 3), 40, np.uint8))[0, 0].tolist() == [
        *(30, 20, 10)
    ]


def test_channels_are_turned_before_mean_and_scale_of_the_networks_order():
    caffe = Preprocessing((1, 2, 3), 1, (1.0, 10.0, 100.0), channel_order="bgr")
    red = np.array([[[200, 100, 50]]], np.uint8)
    assert caffe.centre_crop(red).ravel().tolist() == [49, 980, 19700]
    assert caffe.to_rgb(caffe.centre_crop(red)).ravel().tolist() == [19700, 980, 49]


def test_a_network_of_grey_images_gets_pillows_grey():
    grey = Preprocessing(np.full((12, 12, 1), 100, np.float32), 8, 0.5)
    expected = np.asarray(Image.fromarray(SQUARE).convert("L"), np.float32)
    result = grey.centre_crop(SQUARE)
    assert result.shape == grey.input_shape == (8, 8, 1)
    np.testing.assert_array_equal(result[..., 0], (expected[2:10, 2:10] - 100) / 2)
    assert grey.to_rgb(result).shape == (8, 8, 3)
    assert grey.view(SQUARE).shape == (8, 8, 3)  # people still see the colours


def test_an_image_covers_an_input_that_is_not_square():
    # Of a picture of 40 x 40 the network of 8 x 12 sees the middle 27 rows.
    ramp = np.repeat(np.arange(40, dtype=np.uint8)[:, None, None] * 6, 40, axis=1)
    ramp = np.repeat(ramp, 3, axis=2)
    wide = Preprocessing((0, 0, 0), (8, 12))
    square = wide.square(ramp)
    assert square.shape == (8, 12, 3)
    expected = Image.fromarray(ramp).resize(
        (12, 8), Image.Resampling.BILINEAR, box=(0, 6, 40, 33)
    )
    np.testing.assert_array_equal(square, np.asarray(expected))
    assert wide.ten_crop(square).shape == (10, 8, 12, 3)


def test_square_takes_every_form_of_an_image(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(SQUARE).save(path)
    forms = [SQUARE, path, str(path), path.read_bytes(), Image.fromarray(SQUARE)]
    for form in forms:
        np.testing.assert_array_equal(preprocessing().square(form), SQUARE)
