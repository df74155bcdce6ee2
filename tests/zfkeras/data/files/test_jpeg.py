import pytest
from PIL import Image

from tests.helpers.image_bombs import many_scans
from tests.helpers.pictures import encoded
from zfkeras.data.files.jpeg import MAX_SCANS, is_plain_jpeg, num_scans

PICTURE = Image.new("RGB", (20, 10), "red")  # 20 wide
PLAIN = encoded(PICTURE, "JPEG")
FRAME = PLAIN.index(b"\xff\xc0")


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(PICTURE, "JPEG", exif=exif.tobytes())


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_of_that_size_is_plain(mode, progressive):
    file = encoded(PICTURE.convert(mode), "JPEG", progressive=progressive)
    assert is_plain_jpeg(file, (10, 20))
    assert not is_plain_jpeg(file, (20, 10))


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"\xff\xd8",
        encoded(PICTURE, "PNG"),
        encoded(PICTURE.convert("CMYK"), "JPEG"),
        turned(),
        many_scans(20, 10, MAX_SCANS + 1),
        PLAIN[: FRAME + 6],
        PLAIN[:FRAME] + b"\xff\xc9" + PLAIN[FRAME + 2 :],  # arithmetic codes
        PLAIN[: FRAME + 4] + b"\x0c" + PLAIN[FRAME + 5 :],  # 12 bits
    ],
)
def test_what_another_decoder_may_read_otherwise_is_not_plain(file):
    assert not is_plain_jpeg(file, (10, 20))


def test_scans_are_counted_up_to_the_end_of_the_image():
    assert num_scans(PLAIN) == 1
    assert num_scans(PLAIN + PLAIN) == 1
    assert num_scans(many_scans(20, 10, 7)) > 7
    assert num_scans(b"GIF89a") == 0
