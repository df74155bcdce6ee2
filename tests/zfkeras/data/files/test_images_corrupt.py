"""Odd, corrupt and hostile files: decoded or `BadImage`, never anything else."""

import struct
import subprocess
import sys
import time

import pytest

from tests.helpers.image_bombs import many_scans, png_that_claims
from tests.helpers.pictures import encoded, picture
from zfkeras.data.files.bad_images import BadImage
from zfkeras.data.files.decoding import decode

SMALL = picture(23, 17)
SOUND_ENTRY = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)  # orientation 6
CORRUPT_ENTRY = struct.pack("<HHII", 0x0128, 5, 1000, 0x7FFFFFFF)  # beyond the end


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("entries", [(CORRUPT_ENTRY,), (SOUND_ENTRY, CORRUPT_ENTRY)])
def test_corrupt_exif_harms_nothing(kind, entries):
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 9) + b"".join(entries)
    options = {"lossless": True} if kind == "WEBP" else {}
    decoded = decode(encoded(SMALL, kind, exif=exif, **options))
    if SOUND_ENTRY in entries:
        assert decoded.size == (17, 23)
    else:
        assert decoded.tobytes() == decode(encoded(SMALL, kind, **options)).tobytes()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: b"", "empty file"),
        (lambda: b"hello, world\n" * 50, "corrupt, or not an image"),
        (lambda: b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0) + b";", "corrupt"),
        # From twice the limit on Pillow raises, below it leaves that to `decode`.
        (lambda: png_that_claims(9_500, 9_500), "too large"),
        (lambda: png_that_claims(50_000, 50_000), "too large"),
        # Previously half a minute for 86 kB.
        (lambda: many_scans(2000, 2000, 5000), "over 100 scans"),
    ],
)
def test_what_is_no_image_is_bad_before_it_is_decoded(make, reason):
    data = make()
    begun = time.process_time()
    with pytest.raises(BadImage, match=f"^{reason}"):
        decode(data)
    assert time.process_time() - begun < 1


def test_a_jpeg_of_many_scans_and_what_looks_like_scans_behind_it_are_read():
    plain = decode(many_scans(24, 16, 0))
    behind = 200 * b"\xff\xda\0\x0c"  # as in a film after the photograph
    for data in (many_scans(24, 16, 80), many_scans(24, 16, 0) + behind):
        assert decode(data).tobytes() == plain.tobytes()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_truncated_files_are_bad_wherever_they_are_cut(kind):
    data = encoded(picture(120, 90), kind)
    decode(data)
    # Cut short by at least 5% of the pixels; of the last bytes no pixel may depend.
    for length in range(16, len(data) * 95 // 100, max(1, len(data) // 20)):
        with pytest.raises(BadImage, match=r"truncated|corrupt"):
            decode(data[:length])


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
        import logging, numpy, warnings
        before = [*warnings.filters]
        from zfkeras.data.files.decoding import read_image, silence_image_libraries
        # Who imports the library keeps the settings of the process.
        assert warnings.filters == before
        assert logging.getLogger("PIL").level == logging.NOTSET
        silence_image_libraries()
        for name in ("lzw", "samples"):
            try:
                read_image(name)
            except ValueError as err:
                print(type(err).__name__)
    """
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("BadImage\nBadImage\n", "")
