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

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)

# --- what surrounds the pixels ---

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
    assert pixels(read_image(Image.open(io.BytesIO(data)))) == pixels(image)
    assert pixels(read_image(read_image(image))) == pixels(image)


def test_the_content_tells_the_format_whatever_the_name(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(Image.new("RGB", (2, 2), RED), "PNG"))
    assert pixels(read_image(path)) == [[list(RED)] * 2] * 2


@pytest.mark.parametrize(
    ("kind", "options"),
    [("GIF", {}), ("TIFF", {})],
)
def test_of_several_frames_the_first_counts(kind, options):
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN, BLUE)]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert_close(decode(data), RED, tolerance=0)


@pytest.mark.parametrize("kind", ["PNG"])
@pytest.mark.parametrize("size", [(1, 1), (20_000, 2), (1, 3000)])
def test_extreme_shapes_decode(size, kind):
    image = decode(encoded(Image.new("RGB", size, RED), kind), 64)
    assert image.size == size
    square = centre_square(image, 64)
    assert square.shape == (64, 64, 3)
    assert (square == RED).all()


# --- draft decoding ---


@pytest.mark.parametrize(
    ("size", "shorter_side", "expected"),
    [
        ((512, 256), 64, (256, 128)),
        ((512, 255), 64, (512, 255)),  # less than four times: in full
        ((1024, 512), 64, (256, 128)),
        ((2048, 1024), 64, (256, 128)),
        ((512, 256), None, (512, 256)),
    ],
)
def test_large_jpegs_decode_at_a_fraction_of_their_size(size, shorter_side, expected):
    data = encoded(Image.new("RGB", size, RED), "JPEG", quality=95)
    image = decode(data, shorter_side)
    assert image.size == expected
    assert_close(image, RED)


# --- centre_square ---


def triangle_weights(length, start, side, size):
    """The antialiased bilinear filter, written out: a tent as wide as the reduction."""
    scale = side / size
    centres = start + (np.arange(size)[:, None] + 0.5) * scale
    distance = np.abs(np.arange(length)[None] + 0.5 - centres) / max(scale, 1)
    weights = np.maximum(0, 1 - distance)
    return weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [(83, 50, 16), (50, 83, 16), (64, 64, 20), (21, 30, 40)],
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


@pytest.mark.parametrize("extra", [0, 1, 2, 3])
def test_centre_square_keeps_the_pixels_of_a_fitting_image(extra):
    array = np.random.default_rng(0).integers(0, 256, (8, 8 + extra, 3), np.uint8)
    left = extra // 2
    wide = centre_square(Image.fromarray(array), 8)
    assert wide.tolist() == array[:, left : left + 8].tolist()
    tall = centre_square(Image.fromarray(array.swapaxes(0, 1).copy()), 8)
    assert tall.tolist() == array[:, left : left + 8].swapaxes(0, 1).tolist()


def test_centre_square_wants_rgb():
    with pytest.raises(ValueError, match=r"mode RGB. Received: image.mode='L'"):
        centre_square(Image.new("L", (4, 4)), 4)


# --- read_image ---

ARRAY = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)


@pytest.mark.parametrize(
    "given",
    [
        ARRAY,
        ARRAY.astype(np.float32),
        ARRAY.astype(np.float64) - 0.4 * (ARRAY > 0),
        ARRAY.astype(np.int64),
        np.concatenate([ARRAY, np.full((5, 7, 1), 255, np.uint8)], axis=2),
        Image.fromarray(ARRAY),
        encoded(Image.fromarray(ARRAY), "PNG"),
        bytearray(encoded(Image.fromarray(ARRAY), "PNG")),
    ],
)
def test_read_image_takes_what_users_have(given):
    image = read_image(given)
    assert image.mode == "RGB"
    assert pixels(image) == ARRAY.tolist()


@pytest.mark.parametrize("given", [ARRAY[..., 0], ARRAY[..., :1]])
def test_read_image_takes_grey_arrays(given):
    assert pixels(read_image(given)) == np.stack([ARRAY[..., 0]] * 3, -1).tolist()


@pytest.mark.parametrize("kind", [str, Path])
def test_read_image_takes_paths(tmp_path, kind):
    Image.fromarray(ARRAY).save(tmp_path / "a.png")
    assert pixels(read_image(kind(tmp_path / "a.png"))) == ARRAY.tolist()


def test_read_image_leaves_a_pillow_image_as_it_is():
    image = Image.open(io.BytesIO(encoded(Image.fromarray(ARRAY[..., 0]), "PNG")))
    image.info["mark"] = 1
    read_image(image)
    assert image.mode == "L"
    assert image.info["mark"] == 1


def test_read_image_names_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"`image` must be .*nowhere\.jpg"):
        read_image(tmp_path / "nowhere.jpg")


@pytest.mark.parametrize("kind", ["pipe", "folder", "giant"])
def test_what_no_image_can_be_is_not_read(tmp_path, kind):
    # Previously only those of data sets were refused: a pipe given by name hung.
    path = tmp_path / "x.jpg"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        with open(path, "wb") as file:
            file.truncate(2**29 + 1)
    wanted = "too large" if kind == "giant" else "not a regular file"
    with pytest.raises(BadImage, match=rf"x\.jpg: {wanted}"):
        read_image(path)


def test_read_image_names_a_bad_file(tmp_path):
    (tmp_path / "odd.jpg").write_text("hello")
    with pytest.raises(BadImage, match=r"not an image \('.*odd\.jpg'\)"):
        read_image(str(tmp_path / "odd.jpg"))


@pytest.mark.parametrize("given", [None, [[1, 2]]])
def test_read_image_refuses_other_kinds(given):
    with pytest.raises(TypeError, match=r"`image` must be bytes, a path.*Received"):
        read_image(given)


@pytest.mark.parametrize("shape", [(2, 2, 2), (1, 2, 2, 3), (0, 4, 3)])
def test_read_image_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match=r"Received: image.shape="):
        read_image(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("value", [-0.01, 255.5, np.nan])
def test_read_image_refuses_values_out_of_range(value):
    with pytest.raises(ValueError, match=r"finite and within 0-255. Received: values"):
        read_image(np.array([[0, value]]))


# --- real photographs ---


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
