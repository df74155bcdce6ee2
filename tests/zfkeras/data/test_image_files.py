"""What is cut away from image files, and that nothing in them makes Pillow warn."""

import io
import random
import struct
import threading
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from zfkeras.data.image_files import BadImage, exif_orientation, recognise
from zfkeras.data.images import decode


def picture(width=23, height=17):
    """A smooth picture with some noise, so that every coder has work to do."""
    y, x = np.mgrid[:height, :width]
    smooth = np.stack([9 * x, 12 * y, 4 * (x + y)], axis=-1)
    noise = np.random.default_rng(0).integers(0, 30, smooth.shape)
    return Image.fromarray(((smooth + noise) % 256).astype(np.uint8))


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def corrupt_exif(num_entries=9, kind=5, count=1000):
    """EXIF data whose entries point far beyond their end: Pillow warns of them."""
    entry = struct.pack("<HHII", 0x0128, kind, count, 0x7FFFFFFF)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, num_entries) + entry


def chunk(kind, data):
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


def with_chunk(png, kind, data):
    """Puts a chunk behind the header of a PNG."""
    return png[:33] + chunk(kind, data) + png[33:]


def test_corrupt_exif_makes_pillow_warn():
    # Else the tests below would prove nothing.
    with pytest.warns(UserWarning):
        Image.open(
            io.BytesIO(encoded(picture(), "JPEG", exif=corrupt_exif()))
        ).getexif()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_corrupt_exif_harms_nothing(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    plain = decode(encoded(picture(), kind, **options))
    harmed = encoded(picture(), kind, exif=corrupt_exif(), **options)
    assert decode(harmed).tobytes() == plain.tobytes()


@pytest.mark.parametrize("num_frames", [0, 1, 2**31 + 1])
def test_an_invalid_animation_header_harms_nothing(num_frames):
    png = encoded(picture(), "PNG")
    header = struct.pack(">II", num_frames, 0)
    harmed = with_chunk(with_chunk(png, b"acTL", header), b"acTL", header)
    assert decode(harmed).tobytes() == picture().tobytes()


def test_text_that_pillow_refuses_harms_nothing():
    text = zlib.compress(bytes(PngImagePlugin.MAX_TEXT_CHUNK + 1))
    harmed = with_chunk(encoded(picture(), "PNG"), b"zTXt", b"key\0\0" + text)
    with pytest.raises(ValueError, match="too large"):
        Image.open(io.BytesIO(harmed)).load()
    assert decode(harmed).tobytes() == picture().tobytes()


def test_jpeg_profiles_thumbnails_and_comments_are_cut_away():
    jpeg = encoded(picture(), "JPEG", comment=b"hello", icc_profile=b"x" * 70_000)
    _, stripped, orientation = recognise(jpeg)
    assert orientation == 1
    assert len(stripped) < len(jpeg) - 70_000
    assert decode(jpeg).tobytes() == decode(encoded(picture(), "JPEG")).tobytes()


def test_jpeg_padding_between_segments_is_allowed():
    jpeg = encoded(picture(), "JPEG")
    padded = jpeg[:2] + b"\xff\xff\xff" + jpeg[2:]
    assert decode(padded).tobytes() == decode(jpeg).tobytes()


def test_exif_orientation_reads_both_byte_orders():
    little = b"II*\0" + struct.pack("<IHHHIHH", 8, 1, 0x0112, 3, 1, 6, 0)
    big = b"MM\0*" + struct.pack(">IHHHIHH", 8, 1, 0x0112, 3, 1, 8, 0)
    assert exif_orientation(little) == 6
    assert exif_orientation(b"Exif\0\0" + big) == 8


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"II",
        b"nonsense",
        b"II*\0" + struct.pack("<I", 2**32 - 1),
        b"II*\0" + struct.pack("<IH", 8, 65535),
        b"II*\0" + struct.pack("<IHHHIHH", 8, 1, 0x0112, 3, 1, 9, 0),
        b"II*\0" + struct.pack("<IHHHIHH", 8, 1, 0x0112, 3, 1, 0, 0),
    ],
)
def test_exif_without_a_sound_orientation_is_upright(exif):
    assert exif_orientation(exif) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        b"hello, world\n" * 50,
        b"<svg></svg>",
        b"%PDF-1.7",
        b"\0" * 500,
        b"\xff\xd8",
    ],
)
def test_what_is_not_an_image_is_said_to_be_none(data):
    with pytest.raises(BadImage, match=r"^not an image$"):
        recognise(data)


def test_a_gif_without_a_frame_is_bad():
    with pytest.raises(BadImage, match="no frame"):
        recognise(b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0) + b";")


def test_a_gif_frame_that_bursts_the_screen_is_bad():
    frame = b"," + struct.pack("<4HB", 0, 0, 60_000, 60_000, 0) + b"\x02\x00;"
    with pytest.raises(BadImage, match="too large: 60000x60000 pixels"):
        recognise(b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0) + frame)


@pytest.mark.parametrize(
    "compression", [None, "tiff_lzw", "tiff_adobe_deflate", "jpeg"]
)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_tiffs_survive_their_new_directory(compression, mode):
    tiff = encoded(picture().convert(mode), "TIFF", compression=compression)
    direct = Image.open(io.BytesIO(tiff)).convert("RGB")
    assert decode(tiff).tobytes() == direct.tobytes()


@pytest.mark.parametrize(
    ("tag", "kind", "count", "offset"),
    [(256, 3, 2, 1), (273, 4, 2**31, 8), (258, 3, 60_000, 8), (320, 3, 900, 0)],
)
def test_false_tiff_tags_are_refused_without_a_warning(tag, kind, count, offset):
    tiff = encoded(picture().convert("L"), "TIFF")
    (start,) = struct.unpack_from("<I", tiff, 4)
    false = struct.pack("<HHII", tag, kind, count, offset)
    harmed = bytearray(tiff)
    harmed[start + 2 : start + 14] = false
    with pytest.raises(BadImage):
        decode(bytes(harmed))


def mutations(count, seed):
    """Files of every format with bytes changed, cut out, doubled or the end cut off."""
    rng = random.Random(seed)
    image = picture(48, 40)
    exif = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHH", 8, 1, 0x0112, 3, 1, 6, 0)
    frames = [image.rotate(90 * i) for i in range(3)]
    animated = {"save_all": True, "append_images": frames}
    files = [
        encoded(image, "JPEG", exif=exif),
        encoded(image, "JPEG", progressive=True),
        encoded(image.convert("CMYK"), "JPEG"),
        encoded(image, "PNG", exif=exif),
        encoded(image.quantize(), "PNG", transparency=bytes(range(200))),
        encoded(image.convert("L"), "PNG", transparency=7),
        encoded(image, "PNG", **animated),
        encoded(image, "GIF", **animated, transparency=3),
        encoded(image, "BMP"),
        encoded(image.quantize(), "BMP"),
        encoded(image, "WEBP", exif=exif),
        encoded(image.convert("RGBA"), "WEBP", lossless=True, **animated),
        encoded(image, "TIFF", compression="tiff_lzw"),
        encoded(image, "PPM"),
    ]
    for index in range(count):
        data = bytearray(files[index % len(files)])
        for _ in range(rng.choice([1, 1, 2, 5, 20])):
            if len(data) < 20:
                break
            # Half of the harm goes to the headers, where most can break.
            at = rng.randrange(rng.choice([min(len(data), 120), len(data)]))
            match rng.randrange(5):
                case 0 | 1:
                    data[at] = rng.choice(
                        [0, 1, 127, 128, 254, 255, rng.randrange(256)]
                    )
                case 2:
                    del data[at : at + rng.randrange(1, 9)]
                case 3:
                    data[at:at] = data[at : at + rng.randrange(1, 40)]
                case 4 if rng.random() < 0.3:
                    del data[max(at, 16) :]
        yield bytes(data)


def outcome(data):
    """What `decode` makes of a file: the pixels, or the reason. All else passes on."""
    try:
        image = decode(data)
    except BadImage as err:
        return str(err)
    return image.mode, image.size, zlib.crc32(image.tobytes())


def test_mutated_files_decode_or_are_bad_and_nothing_else():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        outcomes = [outcome(data) for data in mutations(420, seed=1)]
    assert not caught
    bad = [reason for reason in outcomes if isinstance(reason, str)]
    # Both must occur in plenty, or the mutations prove little.
    assert 60 < len(bad) < 360
    assert all(len(reason) < 60 and reason.isprintable() for reason in bad)


def test_threads_see_what_one_thread_sees():
    files = list(mutations(300, seed=2))
    expected = [outcome(data) for data in files]
    seen = [None] * 4

    def work(place):
        # Each begins elsewhere, so that different formats meet.
        order = [(75 * place + i) % len(files) for i in range(len(files))]
        seen[place] = {i: outcome(files[i]) for i in order}

    threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [dict(enumerate(expected))] * 4
