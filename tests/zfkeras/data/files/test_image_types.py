import pytest

from tests.helpers.trees import jpeg
from zfkeras.data.files.bad_images import BadImage
from zfkeras.data.files.decoding import decode
from zfkeras.data.files.image_types import format_name, may_be_image


@pytest.mark.parametrize(
    ("names", "tried"),
    [
        ("a.jpg a.JPE a.jfif b/a a.avif a.heic a.svg a.jp2 a.odd", True),
        ("a.txt a.json a.csv.gz a.XML a.mp4 b.jpg/a.md a.yaml", False),
    ],
)
def test_images_and_unknown_types_are_tried(names, tried):
    assert {may_be_image(name) for name in names.split()} == {tried}


@pytest.mark.parametrize(
    ("encoded", "name"),
    [
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00", "HEIC"),
        (b"\x00\x00\x01\x00", "icon"),  # which Pillow could decode
        (b'<?xml version="1.0"?>\n<svg width="3">', "SVG"),
        (b"<!-- 404 -->\n<!DOCTYPE html><p>", "HTML page"),
        (b"\n<HTML>", "HTML page"),
        (b'{"a": 1}', "JSON"),
        # Previously thirty comments took hours: the pattern went back over each.
        (b"<!--a-->" * 120 + b"x", "XML"),
    ],
)
def test_a_file_that_cannot_be_decoded_is_named_by_its_format(encoded, name):
    assert format_name(encoded) == name
    with pytest.raises(BadImage, match=f"^{name}, not"):
        decode(encoded)


def test_an_image_or_noise_has_no_such_name():
    assert format_name(jpeg(1)) is format_name(b"\x01\x02\x03") is None
