"""Odd, corrupt and hostile files: decoded or `BadImage`, never anything else."""

import struct
import subprocess
import sys
import time
import warnings
import zlib

import pytest
from PIL import Image, PngImagePlugin

from tests.helpers.image_bombs import many_scans, png_that_claims, with_chunk
from tests.helpers.pictures import encoded, picture
from zfkeras.data.bad_images import BadImage
from zfkeras.data.images import decode

SMALL = picture(23, 17)


def corrupt_exif(num_entries=9, kind=5, count=1000):
    """EXIF data whose entries point far beyond their end: Pillow warns of them."""
    entry = struct.pack("<HHII", 0x0128, kind, count, 0x7FFFFFFF)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, num_entries) + entry


def exif_of(orientation, order="<"):
    signature = {"<": b"II*\0", ">": b"MM\0*"}[order]
    directory = struct.pack(order + "IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    return b"Exif\0\0" + signature + directory


# --- what surrounds the pixels ---


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_corrupt_exif_harms_nothing(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    plain = decode(encoded(SMALL, kind, **options))
    harmed = encoded(SMALL, kind, exif=corrupt_exif(), **options)
    assert decode(harmed).tobytes() == plain.tobytes()


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_of_both_byte_orders_turns(order):
    jpeg = encoded(SMALL, "JPEG", exif=exif_of(6, order))
    assert decode(jpeg).size == (17, 23)


def test_an_orientation_before_a_corrupt_entry_turns():
    entry = struct.pack("<HHII", 0x0128, 5, 1000, 0x7FFFFFFF)
    sound = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + sound + entry
    assert decode(encoded(SMALL, "JPEG", exif=exif)).size == (17, 23)


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0",
        b"Exif\0\0II",
        b"Exif\0\0nonsense",
        b"Exif\0\0II*\0" + struct.pack("<I", 2**32 - 1),
        b"Exif\0\0II*\0" + struct.pack("<IH", 8, 65535),
        exif_of(9),
        exif_of(0),
    ],
)
def test_exif_without_a_sound_orientation_is_upright(exif):
    plain = decode(encoded(SMALL, "JPEG"))
    assert decode(encoded(SMALL, "JPEG", exif=exif)).tobytes() == plain.tobytes()


@pytest.mark.parametrize("num_frames", [0, 1, 2**31 + 1])
def test_an_invalid_animation_header_harms_nothing(num_frames):
    header = struct.pack(">II", num_frames, 0)
    png = encoded(SMALL, "PNG")
    harmed = with_chunk(with_chunk(png, b"acTL", header), b"acTL", header)
    assert decode(harmed).tobytes() == SMALL.tobytes()


def test_text_that_pillow_refuses_makes_a_file_bad():
    # A bomb that only Pillow's global settings could let pass.
    text = zlib.compress(bytes(PngImagePlugin.MAX_TEXT_CHUNK + 1))
    with pytest.raises(BadImage, match="corrupt"):
        decode(with_chunk(encoded(SMALL, "PNG"), b"zTXt", b"key\0\0" + text))


def test_jpeg_padding_profiles_and_comments_harm_nothing():
    jpeg = encoded(SMALL, "JPEG")
    laden = encoded(SMALL, "JPEG", comment=b"hello", icc_profile=b"x" * 70_000)
    padded = laden[:2] + b"\xff\xff\xff" + laden[2:]
    assert decode(padded).tobytes() == decode(jpeg).tobytes()


# --- warnings ---


def test_a_warning_turned_error_is_no_bad_image():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="Tag data larger than file"):
            decode(encoded(SMALL, "JPEG", exif=corrupt_exif()))


def test_pillow_warns_of_nothing_once_the_module_is_imported(tmp_path):
    # In a process of its own, as pytest resets the filters before every test.
    (tmp_path / "exif").write_bytes(encoded(SMALL, "JPEG", exif=corrupt_exif()))
    (tmp_path / "bomb").write_bytes(png_that_claims(10_000, 10_000))
    program = """if True:
        from zfkeras.data.images import read_image
        print(read_image("exif").size)
        try:
            read_image("bomb")
        except ValueError as err:
            print(err)
    """
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.startswith("(23, 17)\ntoo large: over 89 million pixels")


# --- bad files ---


def test_an_empty_file_is_bad():
    with pytest.raises(BadImage, match="empty file"):
        decode(b"")


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        b"hello, world\n" * 50,
        b"\0" * 500,
        b"\xff\xd8",
        b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0) + b";",  # no frame
    ],
)
def test_what_is_no_image_is_bad(data):
    with pytest.raises(BadImage, match=r"^corrupt, or not an image$"):
        decode(data)


def test_a_format_that_pillow_could_decode_but_is_not_to_is_named():
    with pytest.raises(BadImage, match="^icon, not a supported image$"):
        decode(encoded(SMALL, "ICO"))


# From twice the limit on Pillow raises, below it leaves the decision to `decode`.
@pytest.mark.parametrize("side", [9_500, 13_000, 50_000])
def test_a_bomb_is_bad_before_it_is_decoded(side):
    with pytest.raises(BadImage, match=r"^too large: over 89 million pixels$"):
        decode(png_that_claims(side, side))


def test_the_limit_is_the_same_whatever_pillow_is_set_to(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    with pytest.raises(BadImage, match="too large"):
        decode(png_that_claims(50_000, 50_000))


def test_a_jpeg_bomb_is_bad_even_when_it_could_be_drafted():
    data = bytearray(encoded(Image.new("RGB", (16, 16)), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", 65_000, 65_000)
    with pytest.raises(BadImage, match="too large"):
        decode(bytes(data), 64)


def test_a_gif_frame_that_bursts_the_screen_is_bad():
    frame = b"," + struct.pack("<4HB", 0, 0, 60_000, 60_000, 0) + b"\x02\x00;"
    with pytest.raises(BadImage, match="too large"):
        decode(b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0) + frame)


@pytest.mark.parametrize(
    ("tag", "kind", "count", "offset"),
    [(273, 4, 2**31, 8), (258, 3, 60_000, 8), (320, 3, 900, 0)],
)
def test_false_tiff_tags_make_a_file_bad(tag, kind, count, offset):
    tiff = encoded(SMALL.convert("L"), "TIFF")
    (start,) = struct.unpack_from("<I", tiff, 4)
    harmed = bytearray(tiff)
    harmed[start + 2 : start + 14] = struct.pack("<HHII", tag, kind, count, offset)
    with pytest.raises(BadImage):
        decode(bytes(harmed))


def test_a_jpeg_of_very_many_scans_is_bad_before_it_is_decoded():
    # Previously half a minute for 86 kB.
    begun = time.process_time()
    with pytest.raises(BadImage, match=r"^over 100 scans$"):
        decode(many_scans(2000, 2000, 5000))
    assert time.process_time() - begun < 1


def test_a_jpeg_of_many_scans_and_what_looks_like_scans_behind_it_are_read():
    plain = decode(many_scans(24, 16, 0))
    behind = 200 * b"\xff\xda\0\x0c"  # as in a film after the photograph
    for data in (many_scans(24, 16, 80), many_scans(24, 16, 0) + behind):
        assert decode(data).tobytes() == plain.tobytes()


def test_a_picture_whose_palette_is_lost_is_bad():
    # Previously an AssertionError of Pillow's.
    png = encoded(SMALL.quantize(), "PNG")
    at = png.index(b"PLTE") - 4
    (length,) = struct.unpack_from(">I", png, at)
    with pytest.raises(BadImage, match=r"^no palette$"):
        decode(png[:at] + png[at + 12 + length :])


def test_what_libraries_say_of_bad_files_is_not_heard(tmp_path):
    # Previously libtiff wrote to the terminal, and Pillow to the log.
    lzw = bytearray(encoded(SMALL, "TIFF", compression="tiff_lzw"))
    (start,) = struct.unpack_from("<I", lzw, 4)
    lzw[8:start] = bytes(start - 8)
    (tmp_path / "lzw").write_bytes(lzw)
    tiff = bytearray(encoded(SMALL, "TIFF"))
    at = tiff.index(struct.pack("<HH", 277, 3))
    tiff[at + 8 : at + 12] = struct.pack("<I", 1024)  # samples in a pixel
    (tmp_path / "samples").write_bytes(tiff)
    program = """if True:
        from zfkeras.data.images import read_image
        for name in ("lzw", "samples"):
            try:
                read_image(name)
            except ValueError as err:
                print(type(err).__name__)
    """
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("BadImage\nBadImage\n", "")


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


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
def test_a_file_cut_in_half_is_called_truncated(kind):
    data = encoded(picture(120, 90), kind)
    with pytest.raises(BadImage, match=r"^truncated$"):
        decode(data[: len(data) // 2])
