import io

import numpy as np
import pytest
from PIL import Image

from tests.helpers.splits import noise, png, split_of
from transfer.protocols.thumbnails import thumbnails, unit_vectors
from zfkeras.data.files.bad_images import BadImages

IMAGES = np.random.default_rng(2).uniform(0, 255, (4, 12, 15)).astype(np.float32)
SURROUNDS = pytest.mark.parametrize("surround", [None, 3, 9])


def less_its_surround(image, side):
    """One pixel at a time; beyond the border the border's pixels are repeated."""
    reach = side // 2
    padded = np.pad(image.astype(float), reach, mode="edge")
    left = np.empty_like(image)
    for y, x in np.ndindex(*image.shape):
        left[y, x] = image[y, x] - padded[y : y + side, x : x + side].mean()
    return left


@SURROUNDS
def test_products_are_the_correlations_that_numpy_computes(surround):
    vectors = unit_vectors(IMAGES, surround)
    left = IMAGES
    if surround is not None:
        left = [less_its_surround(image, surround) for image in IMAGES]
    expected = np.corrcoef([np.ravel(image) for image in left])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors @ vectors.T, expected, atol=2e-5)


@SURROUNDS
def test_brightness_and_contrast_change_nothing_and_a_negative_is_the_opposite(
    surround,
):
    one = unit_vectors(IMAGES[:1], surround)
    for factor, offset, product in ((0.5, 60, 1), (1, -200, 1), (-1, 255, -1)):
        other = unit_vectors(IMAGES[:1] * np.float32(factor) + offset, surround)
        np.testing.assert_allclose((one @ other.T).item(), product, atol=1e-5)


@SURROUNDS
def test_flat_images_have_the_zero_vector(surround):
    black, white = np.zeros((12, 15)), np.full((12, 15), 255)
    faint = 200 + np.random.default_rng(1).normal(0, 0.5, (12, 15))
    flat = np.stack([black, white, faint]).astype(np.float32)
    assert not unit_vectors(flat, surround).any()
    file = io.BytesIO()  # its compression is no content
    Image.new("RGB", (300, 200), (183, 20, 77)).save(file, "JPEG", quality=30)
    (batch,) = thumbnails(split_of([file.getvalue()]), 32, BadImages(1))
    assert not unit_vectors(batch.pixels, surround).any()


def test_batches_keep_order_and_leave_bad_images_out():
    pixels = [noise(number, 8, 8) for number in range(4)]
    margin = np.zeros((8, 4, 3), np.uint8)  # outside the centre square
    pixels[3] = np.concatenate([margin, pixels[3], margin], axis=1)
    files = [png(one) for one in pixels]
    files.insert(1, b"no image")
    bad_images = BadImages(5, 0.5)
    (batch,) = thumbnails(split_of(files), 8, bad_images)
    assert batch.ids.tolist() == [b"image-0", b"image-2", b"image-3", b"image-4"]
    assert batch.labels.tolist() == [0, 2, 3, 4]
    assert [*bad_images.reasons()] == ["image-1"]
    for number, grey in enumerate(batch.pixels):
        red, green, blue = np.moveaxis(noise(number, 8, 8).astype(float), -1, 0)
        expected = 0.299 * red + 0.587 * green + 0.114 * blue
        np.testing.assert_allclose(grey, expected, rtol=1e-5)
