import io

import numpy as np
import pytest
from PIL import Image

from tests.helpers.splits import noise, noise_split, png, split_of
from transfer.protocols.thumbnails import thumbnails, unit_vectors
from zfkeras.data.files.bad_images import BadImages

IMAGES = np.random.default_rng(2).uniform(0, 255, (4, 12, 15)).astype(np.float32)


def less_its_surround(image, side):
    """One pixel at a time; beyond the border the border's pixels are repeated."""
    height, width = image.shape
    left = np.empty_like(image)
    for y in range(height):
        for x in range(width):
            square = [
                image[min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1)]
                for dy in range(-(side // 2), side // 2 + 1)
                for dx in range(-(side // 2), side // 2 + 1)
            ]
            left[y, x] = image[y, x] - np.mean(square)
    return left


@pytest.mark.parametrize("surround", [None, 3, 9])
def test_products_are_the_correlations_that_numpy_computes(surround):
    vectors = unit_vectors(IMAGES, surround)
    left = (
        IMAGES if surround is None else [less_its_surround(i, surround) for i in IMAGES]
    )
    expected = np.corrcoef([image.ravel() for image in left])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors @ vectors.T, expected, atol=2e-5)


@pytest.mark.parametrize("surround", [None, 9])
def test_brightness_and_contrast_change_nothing_and_a_negative_is_the_opposite(
    surround,
):
    one = unit_vectors(IMAGES[:1], surround)
    for factor, offset, product in ((0.5, 60, 1), (1, -200, 1), (-1, 255, -1)):
        other = unit_vectors(IMAGES[:1] * np.float32(factor) + offset, surround)
        np.testing.assert_allclose((one @ other.T).item(), product, atol=1e-5)


@pytest.mark.parametrize("surround", [None, 9])
def test_flat_images_are_like_nothing_not_even_each_other(surround):
    black, white = np.zeros((12, 15)), np.full((12, 15), 255)
    faint = 200 + np.random.default_rng(1).normal(0, 0.5, (12, 15))
    flat = np.stack([black, white, faint]).astype(np.float32)
    vectors = unit_vectors(flat, surround)
    assert not vectors.any()
    assert np.isfinite(vectors @ unit_vectors(IMAGES, surround).T).all()


def test_a_flat_jpeg_is_flat_after_its_compression():
    file = io.BytesIO()
    Image.new("RGB", (300, 200), (183, 20, 77)).save(file, "JPEG", quality=30)
    (batch,) = thumbnails(split_of([file.getvalue()]), 32, BadImages(1))
    assert not unit_vectors(batch.pixels, 9).any()


def test_batches_keep_names_labels_and_grey_pixels_in_order():
    split = noise_split(5, 8)
    (batch,) = thumbnails(split, 8, BadImages(5))
    assert batch.ids.tolist() == [f"image-{i}".encode() for i in range(5)]
    assert batch.labels.tolist() == [0, 1, 2, 3, 4]
    for number, grey in enumerate(batch.pixels):
        red, green, blue = np.moveaxis(noise(number, 8, 8).astype(float), -1, 0)
        expected = 0.299 * red + 0.587 * green + 0.114 * blue
        np.testing.assert_allclose(grey, expected, rtol=1e-5)


def test_the_centre_square_is_taken():
    pixels = noise(0, 8, 8)
    wide = np.concatenate([np.zeros((8, 4, 3), np.uint8), pixels], axis=1)
    wide = np.concatenate([wide, np.zeros((8, 4, 3), np.uint8)], axis=1)
    (batch,) = thumbnails(split_of([png(pixels), png(wide)]), 8, BadImages(2))
    np.testing.assert_array_equal(batch.pixels[0], batch.pixels[1])


def test_bad_images_are_counted_and_left_out():
    files = [png(noise(0, 8, 8)), b"no image", png(noise(2, 8, 8))]
    bad_images = BadImages(3)
    (batch,) = thumbnails(split_of(files), 8, bad_images)
    assert batch.labels.tolist() == [0, 2]
    assert bad_images.to_json()["images"] == {"image-1": "corrupt, or not an image"}
