import io

import pytest
from PIL import Image

from tests.helpers.trees import jpeg
from zfkeras.data.files.bad_images import BadImage
from zfkeras.data.files.decoding import decode
from zfkeras.data.files.image_types import format_name, may_be_image


@pytest.mark.parametrize(
    "name", ["a.jpg", "a.JPE", "a.jfif", "b/a", "a.avif", "a.heic", "a.svg", "a.jp2"]
)
def test_images_and_unknown_types_are_tried(name):
    assert may_be_image(name)


@pytest.mark.parametrize(
    "name",
    ["a.txt", "a.json", "a.csv.gz", "a.csv", "a.XML", "a.mp4", "b.jpg/a.md", "a.yaml"],
)
def test_files_of_other_types_are_not(name):
    assert not may_be_image(name)


def test_a_page_of_comments_takes_no_time():
    # Previously thirty comments took hours: the pattern went back over each.
    assert format_name(b"<!--a-->" * 120 + b"x") in (None, "XML")
    assert format_name(b"<!-- 404 -->\n<!DOCTYPE html><p>") == "HTML page"


@pytest.mark.parametrize("kind", ["AVIF", "PPM", "WEBP", "TIFF"])
def test_what_pillow_decodes_is_read(kind):
    file = io.BytesIO()
    Image.new("RGB", (8, 4), (200, 100, 50)).save(file, kind)
    assert decode(file.getvalue()).size == (8, 4)


@pytest.mark.parametrize(
    ("encoded", "name"),
    [
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00", "HEIC"),
        (b'<?xml version="1.0"?>\n<svg width="3">', "SVG"),
        (b"<!doctype html><title>404</title>", "HTML page"),
        (b"\n<HTML>", "HTML page"),
        (b'{"a": 1}', "JSON"),
    ],
)
def test_a_file_that_cannot_be_decoded_is_named_by_its_format(encoded, name):
    assert format_name(encoded) == name
    with pytest.raises(BadImage, match=f"^{name}, not"):
        decode(encoded)


def test_an_image_or_noise_has_no_such_name():
    assert format_name(jpeg(1)) is None
    assert format_name(b"\x01\x02\x03") is None
