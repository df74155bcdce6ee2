"""Odd image files, made here byte by byte or with Pillow, and what becomes of them."""

import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zfkeras.data import images
from zfkeras.data.images import BadImage, centre_square, decode, read_image

WHITE, RED, GREEN, BLUE = (255,) * 3, (255, 0, 0), (0, 255, 0), (0, 0, 255)


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def picture(width, height):
    """A smooth colour picture with some texture, as photographs have."""
    y, x = np.mgrid[:height, :width] / 40
    waves = [np.sin(x + y), np.cos(2 * x - y), np.sin(x * y / 9) * np.cos(7 * x)]
    return Image.fromarray((127 + 120 * np.stack(waves, axis=-1)).astype(np.uint8))


def pixels(image):
    return np.asarray(image).tolist()


def assert_close(image, colour, tolerance=3):
    """Every pixel has the colour, within what JPEG's rounding does to a flat area."""
    assert image.mode == "RGB"
    assert np.abs(np.asarray(image, int) - colour).max() <= tolerance


def png_header(width, height):
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header
    pixel_data = zlib.compress(bytes(100))
    for kind, data in ((b"IDAT", pixel_data), (b"IEND", b"")):
        start += struct.pack(">I", zlib.crc32(header)) if kind == b"IDAT" else b""
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        start += struct.pack(">I", len(data)) + kind + data + checksum
    return start


# --- colours ---


@pytest.mark.parametrize(
    ("ink", "colour"),
    [
        ((0, 0, 0, 0), WHITE),
        ((0, 255, 255, 0), RED),
        ((255, 0, 255, 0), GREEN),
        ((255, 255, 0, 0), BLUE),
        ((0, 0, 0, 255), (0, 0, 0)),
        ((0, 0, 0, 155), (100, 100, 100)),
    ],
)
def test_cmyk_jpegs_have_their_colours(ink, colour):
    data = encoded(Image.new("CMYK", (32, 16), ink), "JPEG", quality=95)
    assert b"Adobe" in data
    assert_close(decode(data), colour)


def test_ycck_jpegs_have_their_colours():
    # Pillow cannot write YCCK; a CMYK file whose Adobe marker says so is one. Stored
    # are the inverted inks Y=100, Cb=128, Cr=228, K=255, of which the inks' negative
    # is R = 100 + 1.402 * 100 = 240, G = 100 - 0.714 * 100 = 29, B = 100.
    stored = (255 - 100, 255 - 128, 255 - 228, 0)
    data = bytearray(encoded(Image.new("CMYK", (32, 16), stored), "JPEG", quality=95))
    data[data.index(b"Adobe") + 11] = 2
    assert_close(decode(bytes(data)), (255 - 240, 255 - 29, 255 - 100), tolerance=5)


def test_16_bit_greys_are_scaled_not_clipped():
    wide = np.array([[0, 128, 129, 257, 385, 386, 32768, 65406, 65407, 65535]], "<u2")
    data = encoded(Image.fromarray(wide), "PNG")
    assert Image.open(io.BytesIO(data)).mode == "I;16"
    # A 257th each, to the nearest: 128.5 is between 0 and 1.
    grey = [0, 0, 1, 1, 1, 2, 128, 254, 255, 255]
    assert pixels(decode(data)) == [[[v] * 3 for v in grey]]
    assert pixels(decode(encoded(Image.fromarray(wide), "TIFF"))) == pixels(
        decode(data)
    )


def test_16_bit_gradients_keep_all_greys():
    wide = np.arange(65536, dtype="<u2").reshape(256, 256)
    grey = np.asarray(decode(encoded(Image.fromarray(wide), "PNG")))[..., 0]
    assert np.unique(grey).tolist() == list(range(256))
    assert (np.diff(grey.ravel().astype(int)) >= 0).all()


def test_a_transparent_16_bit_grey_is_white():
    data = encoded(Image.fromarray(np.array([[7, 257]], "<u2")), "PNG", transparency=7)
    assert pixels(decode(data)) == [[[255] * 3, [1] * 3]]


@pytest.mark.parametrize(
    ("samples", "grey"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 127.6, 255.0], [0, 128, 255]),
    ],
)
def test_float_images_are_0_to_1_or_0_to_255(samples, grey):
    data = encoded(Image.fromarray(np.array([samples], np.float32)), "TIFF")
    assert pixels(decode(data)) == [[[v] * 3 for v in grey]]


def test_32_bit_images_are_0_to_65535():
    data = encoded(Image.fromarray(np.array([[0, 257, 65535]], np.int32)), "TIFF")
    assert pixels(decode(data)) == [[[0] * 3, [1] * 3, [255] * 3]]


@pytest.mark.parametrize(
    "samples",
    [
        np.array([[-1, 0]], np.int32),
        np.array([[70_000]], np.int32),
        np.array([[np.nan, 1]], np.float32),
        np.array([[np.inf]], np.float32),
        np.array([[-0.5]], np.float32),
    ],
)
def test_samples_beyond_any_range_are_bad(samples):
    with pytest.raises(BadImage, match="samples outside"):
        decode(encoded(Image.fromarray(samples), "TIFF"))


def test_a_mode_without_plain_rgb_is_bad():
    with pytest.raises(BadImage, match="mode LAB"):
        decode(encoded(Image.new("LAB", (2, 2)), "TIFF"))


@pytest.mark.parametrize(
    ("image", "colour"),
    [
        (Image.new("L", (3, 2), 90), (90, 90, 90)),
        (Image.new("1", (3, 2), 1), WHITE),
        (Image.new("LA", (3, 2), (0, 255)), (0, 0, 0)),
        (Image.new("LA", (3, 2), (0, 51)), (204, 204, 204)),
        (Image.new("RGBA", (3, 2), (255, 0, 0, 255)), RED),
        (Image.new("RGBA", (3, 2), (255, 0, 0, 0)), WHITE),
        (Image.new("RGBA", (3, 2), (255, 0, 0, 51)), (255, 204, 204)),
    ],
)
def test_greys_and_alpha_lie_on_white(image, colour):
    assert pixels(decode(encoded(image, "PNG"))) == [[list(colour)] * 3] * 2


def two_colour_palette():
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *BLUE])
    image.putpixel((1, 0), 1)
    return image


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP"])
def test_palettes_become_their_colours(kind):
    assert pixels(decode(encoded(two_colour_palette(), kind))) == [
        [list(RED), list(BLUE)]
    ]


@pytest.mark.parametrize(
    ("kind", "transparency", "first"),
    [
        ("GIF", 0, WHITE),
        ("PNG", 0, WHITE),
        ("PNG", bytes([51, 255]), (255, 204, 204)),
        ("PNG", bytes([0]), WHITE),
    ],
)
def test_transparent_palette_entries_lie_on_white(kind, transparency, first):
    data = encoded(two_colour_palette(), kind, transparency=transparency)
    assert pixels(decode(data)) == [[list(first), list(BLUE)]]


def test_a_transparent_colour_without_alpha_is_white():
    image = Image.fromarray(np.array([[RED, BLUE]], np.uint8))
    data = encoded(image, "PNG", transparency=RED)
    assert pixels(decode(data)) == [[list(WHITE), list(BLUE)]]


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


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_come_upright(orientation, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation])).convert("RGB")
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(stored, kind, exif=exif, **options)
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
    [("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {}), ("TIFF", {})],
)
def test_of_several_frames_the_first_counts(kind, options):
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN, BLUE)]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert_close(decode(data), RED, tolerance=0)


def test_colour_profiles_are_ignored():
    image = picture(20, 10)
    data = encoded(image, "PNG", icc_profile=b"nonsense")
    assert pixels(decode(data)) == pixels(image)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "PPM", "TIFF", "GIF"])
@pytest.mark.parametrize("size", [(1, 1), (20_000, 2), (1, 3000)])
def test_extreme_shapes_decode(size, kind):
    image = decode(encoded(Image.new("RGB", size, RED), kind), 64)
    assert image.size == size
    square = centre_square(image, 64)
    assert square.shape == (64, 64, 3)
    assert (square == RED).all()


# --- bad files ---


def test_an_empty_file_is_bad():
    with pytest.raises(BadImage, match="empty file"):
        decode(b"")


def test_a_bomb_is_bad_before_it_is_decoded():
    with pytest.raises(BadImage, match=r"^too large: 50000x50000 pixels$"):
        decode(png_header(50_000, 50_000))


def test_a_jpeg_bomb_is_bad_even_when_it_could_be_drafted():
    data = bytearray(encoded(Image.new("RGB", (16, 16)), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", 65_000, 65_000)
    with pytest.raises(BadImage, match="too large: 65000x65000 pixels"):
        decode(bytes(data), 64)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("GIF", {}),
        ("BMP", {}),
        ("WEBP", {}),
        ("PPM", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
    ],
)
def test_truncated_files_are_bad_wherever_they_are_cut(kind, options):
    data = encoded(picture(120, 90), kind, **options)
    decode(data)
    # Cut short by at least 5% of the pixels; of the last bytes no pixel may depend.
    for length in range(16, len(data) * 95 // 100, max(1, len(data) // 150)):
        with pytest.raises(BadImage, match=r"truncated|corrupt"):
            decode(data[:length])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_a_file_cut_in_half_is_called_truncated(kind):
    data = encoded(picture(120, 90), kind)
    with pytest.raises(BadImage, match=r"^truncated$"):
        decode(data[: len(data) // 2])


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


def test_centre_square_is_resize_then_crop():
    image = picture(500, 375)
    whole = image.resize((341, 256), Image.Resampling.BILINEAR)
    expected = np.asarray(whole.crop((42, 0, 298, 256)), float)
    # 500 * 256 / 375 is 341.33: the two-step way squeezes the width by a third of a
    # pixel and cuts up to half a pixel elsewhere, which shows at the steepest places.
    assert np.abs(centre_square(image, 256) - expected).mean() < 2


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
        np.asfortranarray(ARRAY),
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


def test_read_image_takes_tensors():
    tensorflow = pytest.importorskip("tensorflow")
    assert pixels(read_image(tensorflow.constant(ARRAY))) == ARRAY.tolist()


@pytest.mark.parametrize("given", [ARRAY[..., 0], ARRAY[..., :1]])
def test_read_image_takes_grey_arrays(given):
    assert pixels(read_image(given)) == np.stack([ARRAY[..., 0]] * 3, -1).tolist()


@pytest.mark.parametrize("kind", [str, Path])
def test_read_image_takes_paths(tmp_path, kind):
    Image.fromarray(ARRAY).save(tmp_path / "a.png")
    assert pixels(read_image(kind(tmp_path / "a.png"))) == ARRAY.tolist()


def test_read_image_drafts_files_only():
    image = Image.new("RGB", (512, 256), RED)
    assert read_image(encoded(image, "JPEG"), 64).size == (256, 128)
    assert read_image(image, 64).size == (512, 256)


def test_read_image_leaves_a_pillow_image_as_it_is():
    image = Image.open(io.BytesIO(encoded(Image.fromarray(ARRAY[..., 0]), "PNG")))
    image.info["mark"] = 1
    read_image(image)
    assert image.mode == "L"
    assert image.info["mark"] == 1


def test_read_image_names_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"`image` must be .*nowhere\.jpg"):
        read_image(tmp_path / "nowhere.jpg")


def test_read_image_names_a_bad_file(tmp_path):
    (tmp_path / "odd.jpg").write_text("hello")
    with pytest.raises(BadImage, match=r"not an image \('.*odd\.jpg'\)"):
        read_image(str(tmp_path / "odd.jpg"))


def test_read_image_says_what_is_wrong_with_a_pillow_image():
    data = encoded(picture(120, 90), "PNG")
    with pytest.raises(BadImage, match=r"truncated|corrupt PNG"):
        read_image(Image.open(io.BytesIO(data[: len(data) // 2])))


@pytest.mark.parametrize("given", [None, 3, [[1, 2]], object(), Image])
def test_read_image_refuses_other_kinds(given):
    with pytest.raises(TypeError, match=r"`image` must be bytes, a path.*Received"):
        read_image(given)


@pytest.mark.parametrize("given", [np.zeros((2, 2), bool), np.zeros((2, 2), complex)])
def test_read_image_refuses_other_numbers(given):
    with pytest.raises(TypeError, match=r"uint8 or floats. Received: image.dtype="):
        read_image(given)


@pytest.mark.parametrize("shape", [(3,), (2, 2, 2), (1, 2, 2, 3), (0, 4, 3), ()])
def test_read_image_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match=r"Received: image.shape="):
        read_image(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("value", [-0.01, 255.5, np.nan, np.inf])
def test_read_image_refuses_values_out_of_range(value):
    with pytest.raises(ValueError, match=r"finite and within 0-255. Received: values"):
        read_image(np.array([[0, value]]))


def test_bad_image_is_a_value_error():
    assert issubclass(images.BadImage, ValueError)


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
