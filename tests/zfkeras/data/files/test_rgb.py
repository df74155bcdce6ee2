"""Images of every mode, written with Pillow, and the RGB that files of them give."""

import numpy as np
import pytest
from PIL import Image

from tests.helpers.pictures import assert_close, encoded, pixels
from zfkeras.data.files.bad_images import BadImage
from zfkeras.data.files.decoding import decode

WHITE, RED, BLUE = (255,) * 3, (255, 0, 0), (0, 0, 255)


@pytest.mark.parametrize(
    ("ink", "colour"),
    [
        ((0, 0, 0, 0), WHITE),
        ((0, 255, 255, 0), RED),
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


# A 257th each, to the nearest: 128.5 is between 0 and 1.
UNSIGNED = np.array([[0, 128, 129, 385, 386, 65406, 65407]], "<u2")


@pytest.mark.parametrize(
    ("kind", "samples", "grey"),
    [
        ("PNG", UNSIGNED, "0 0 1 1 2 254 255"),
        ("TIFF", UNSIGNED, "0 0 1 1 2 254 255"),
        ("TIFF", np.array([[0, 257, 65535]], np.int32), "0 1 255"),
        ("TIFF", np.array([[0.0, 0.5, 1.0]], np.float32), "0 128 255"),
        ("TIFF", np.array([[0.0, 127.6, 255.0]], np.float32), "0 128 255"),
    ],
)
def test_wide_samples_are_scaled_not_clipped(kind, samples, grey):
    data = encoded(Image.fromarray(samples), kind)
    assert pixels(decode(data)) == [[[int(v)] * 3 for v in grey.split()]]


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(np.array([[-1, 0]], np.int32)),
        Image.fromarray(np.array([[70_000]], np.int32)),
        Image.fromarray(np.array([[np.nan, 1]], np.float32)),
        Image.fromarray(np.array([[-0.5]], np.float32)),
        Image.new("LAB", (2, 2)),
    ],
)
def test_samples_beyond_any_range_and_modes_without_plain_rgb_are_bad(image):
    with pytest.raises(BadImage, match="samples outside|mode LAB"):
        decode(encoded(image, "TIFF"))


PALETTE = Image.new("P", (2, 1))
PALETTE.putpalette([*RED, *BLUE])
PALETTE.putpixel((1, 0), 1)
TWO = Image.fromarray(np.array([[RED, BLUE]], np.uint8))


def even(mode, ink):
    return Image.new(mode, (2, 1), ink)


@pytest.mark.parametrize(
    ("image", "kind", "transparency", "colours"),
    [
        (even("L", 90), "PNG", None, [(90,) * 3] * 2),
        (even("1", 1), "PNG", None, [WHITE] * 2),
        (even("LA", (0, 51)), "PNG", None, [(204,) * 3] * 2),
        (even("RGBA", (255, 0, 0, 0)), "PNG", None, [WHITE] * 2),
        (even("RGBA", (255, 0, 0, 51)), "PNG", None, [(255, 204, 204)] * 2),
        (PALETTE, "PNG", None, [RED, BLUE]),
        (PALETTE, "GIF", None, [RED, BLUE]),
        (PALETTE, "BMP", None, [RED, BLUE]),
        (PALETTE, "GIF", 0, [WHITE, BLUE]),
        (PALETTE, "PNG", 0, [WHITE, BLUE]),
        (PALETTE, "PNG", bytes([51, 255]), [(255, 204, 204), BLUE]),
        (TWO, "PNG", RED, [WHITE, BLUE]),  # a transparent colour without alpha
    ],
)
def test_greys_palettes_and_what_is_transparent_lie_on_white(
    image, kind, transparency, colours
):
    options = {} if transparency is None else {"transparency": transparency}
    assert pixels(decode(encoded(image, kind, **options))) == [[*map(list, colours)]]
