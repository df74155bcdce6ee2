"""Sound files and what users have besides, upright, drafted and cut square."""

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.pictures import assert_close, encoded, picture, pixels
from zfkeras.data.files.bad_images import BadImage
from zfkeras.data.files.decoding import centre_square, decode, read_image

RED, GREEN = (255, 0, 0), (0, 255, 0)

# The picture as it is meant: black at the top left, white elsewhere, wide.
MEANT = np.full((16, 32), 255, np.uint8)
MEANT[:8, :16] = 0
# By the EXIF standard: where the stored first row and first column belong.
STORED = {
    1: MEANT,
    2: MEANT[:, ::-1],
    3: MEANT[::-1, ::-1],
    4: MEANT[::-1],
    5: MEANT.T,  # first row at the left, first column at the top
    6: np.rot90(MEANT),  # first row at the right, first column at the top
    7: np.rot90(MEANT, 2).T,  # first row at the right, first column at the bottom
    8: np.rot90(MEANT, -1),  # first row at the left, first column at the bottom
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_come_upright(orientation, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation])).convert("RGB")
    data = encoded(stored, kind, exif=exif)
    image = decode(data)
    assert image.size == (32, 16)
    # Blocks of 8 x 8 are flat, so that JPEG keeps them.
    assert np.abs(np.asarray(image, int)[..., 0] - MEANT).max() <= 2
    # An image that is read again is not turned again.
    assert pixels(read_image(Image.open(io.BytesIO(data)))) == pixels(image)
    assert pixels(read_image(read_image(image))) == pixels(image)


@pytest.mark.parametrize("kind", ["GIF", "TIFF"])
def test_of_several_frames_the_first_counts(kind):
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN)]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    assert_close(decode(data), RED, tolerance=0)


@pytest.mark.parametrize(
    ("size", "shorter_side", "expected"),
    [
        ((512, 256), 64, (256, 128)),
        ((512, 255), 64, (512, 255)),  # less than four times: in full
        ((2048, 1024), 64, (256, 128)),
        ((512, 256), None, (512, 256)),
    ],
)
def test_large_jpegs_decode_at_a_fraction_of_their_size(size, shorter_side, expected):
    data = encoded(Image.new("RGB", size, RED), "JPEG", quality=95)
    image = decode(data, shorter_side)
    assert image.size == expected
    assert_close(image, RED)


def triangle_weights(length, start, side, size):
    """The antialiased bilinear filter, written out: a tent as wide as the reduction."""
    scale = side / size
    centres = start + (np.arange(size)[:, None] + 0.5) * scale
    distance = np.abs(np.arange(length)[None] + 0.5 - centres) / max(scale, 1)
    weights = np.maximum(0, 1 - distance)
    return weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [(83, 50, 16), (50, 83, 16), (64, 64, 20), (21, 30, 40), (1, 300, 8)],
)
def test_centre_square_is_the_antialiased_centre(width, height, size):
    image = picture(width, height)
    side = min(width, height)
    rows = triangle_weights(height, (height - side) // 2, side, size)
    columns = triangle_weights(width, (width - side) // 2, side, size)
    expected = np.einsum("yh,hwc,xw->yxc", rows, np.asarray(image, float), columns)
    square = centre_square(image, size)
    assert square.dtype == np.uint8
    # Pillow rounds to whole numbers after each of its two passes.
    assert np.abs(square - expected).max() <= 1.01


@pytest.mark.parametrize("extra", [0, 1, 3])
def test_centre_square_keeps_the_pixels_of_a_fitting_image(extra):
    array = np.random.default_rng(0).integers(0, 256, (8, 8 + extra, 3), np.uint8)
    left = extra // 2
    wide = centre_square(Image.fromarray(array), 8)
    assert wide.tolist() == array[:, left : left + 8].tolist()
    tall = centre_square(Image.fromarray(array.swapaxes(0, 1).copy()), 8)
    assert tall.tolist() == array[:, left : left + 8].swapaxes(0, 1).tolist()


ARRAY = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
GREY = np.stack([ARRAY[..., 0]] * 3, -1)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (ARRAY, ARRAY),
        (ARRAY.astype(np.float64) - 0.4 * (ARRAY > 0), ARRAY),
        (ARRAY.astype(np.int64), ARRAY),
        (np.concatenate([ARRAY, np.full((5, 7, 1), 255, np.uint8)], axis=2), ARRAY),
        (ARRAY[..., 0], GREY),
        (ARRAY[..., :1], GREY),
        (Image.fromarray(ARRAY), ARRAY),
        (Image.fromarray(ARRAY[..., 0]), GREY),
        (bytearray(encoded(Image.fromarray(ARRAY), "PNG")), ARRAY),
    ],
)
def test_read_image_takes_what_users_have(given, expected):
    image = read_image(given)
    assert image.mode == "RGB"
    assert pixels(image) == expected.tolist()


@pytest.mark.parametrize("kind", [str, Path])
def test_the_content_tells_the_format_whatever_the_name(tmp_path, kind):
    (tmp_path / "a.jpg").write_bytes(encoded(Image.fromarray(ARRAY), "PNG"))
    assert pixels(read_image(kind(tmp_path / "a.jpg"))) == ARRAY.tolist()


@pytest.mark.parametrize("kind", ["pipe", "folder", "giant", "text", "none"])
def test_a_path_of_no_image_is_named(tmp_path, kind):
    # Previously a pipe given by name hung.
    path = tmp_path / "x.jpg"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "text":
        path.write_text("hello")
    elif kind == "giant":
        with open(path, "wb") as file:
            file.truncate(2**29 + 1)
    error = FileNotFoundError if kind == "none" else BadImage
    with pytest.raises(error, match=r"x\.jpg"):
        read_image(path)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (None, TypeError),
        ([[1, 2]], TypeError),
        (np.array([["a"]]), TypeError),
        (np.zeros((2, 2, 2), np.uint8), ValueError),
        (np.zeros((1, 2, 2, 3), np.uint8), ValueError),
        (np.zeros((0, 4, 3), np.uint8), ValueError),
        (np.array([[0, -0.01]]), ValueError),
        (np.array([[0, 255.5]]), ValueError),
        (np.array([[0, np.nan]]), ValueError),
    ],
)
def test_other_kinds_shapes_and_values_are_refused(given, error):
    with pytest.raises(error, match="`image` must be"):
        read_image(given)


@pytest.mark.data
def test_photographs_decode_and_drafts_are_faithful(photographs):
    with zipfile.ZipFile(photographs / "imagenet-photographs.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".JPEG")]
        files = [archive.read(name) for name in names]
    assert len(files) == 120
    differences = []
    for name, data in zip(names, files, strict=True):
        assert centre_square(decode(data, 256), 256).shape == (256, 256, 3), name
        full = centre_square(decode(data), 64).astype(int)
        differences.append(np.abs(full - centre_square(decode(data, 64), 64)).mean())
    # The decoder's box filter before the tent filter: a little softer, and up to a
    # quarter of a pixel off where the size is no multiple of the fraction. Bicubic and
    # bilinear resizing of these photographs differ by more: 2.0 on average.
    assert np.mean(differences) < 1.9
    assert max(differences) < 5
