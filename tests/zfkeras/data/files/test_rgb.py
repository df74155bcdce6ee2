"""Images of every mode, written with Pillow, and the RGB that files of them give."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.helpers.pictures import assert_close, encoded, pixels
from zfkeras.data.files.bad_images import BadImage
from zfkeras.data.files.decoding import decode

WHITE, RED, GREEN, BLUE = (255,) * 3, (255, 0, 0), (0, 255, 0), (0, 0, 255)


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
