import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.helpers.splits import noise, png, split_of
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.files.decoding import centre_fit, decode
from zfkeras.data.in_graph import loading

SIZE = 32


def encoded(pixels, kind="JPEG", **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def smooth(number, height=SIZE, width=SIZE):
    """Noise with large structures, as photographs have."""
    coarse = Image.fromarray(noise(number, 6, 6))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))


def exif(orientation):
    data = Image.Exif()
    data[0x0112] = orientation
    return data.tobytes()


def encoded_cmyk():
    file = io.BytesIO()
    Image.fromarray(smooth(5)).convert("CMYK").save(file, "JPEG")
    return file.getvalue()


def loaded(files, shape=(SIZE, SIZE), bad_images=None):
    split = split_of(files)
    tally = bad_images or BadImages(len(files), 1.0)
    chunks = loading.load_chunks(split.stream().enumerate(), split, shape, tally)
    parts = [*chunks.as_numpy_iterator()]
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


@pytest.fixture
def in_python(monkeypatch):
    """Notes which files Pillow decodes."""
    decoded, original = [], loading.decode

    def noting(content, size):
        decoded.append(content)
        return original(content, size)

    monkeypatch.setattr(loading, "decode", noting)
    return decoded


PLAIN = {
    f"{name} {channels}": encoded(
        smooth(number)[..., 0] if channels == "grey" else smooth(number), **options
    )
    for channels in ("colour", "grey")
    for number, (name, options) in enumerate(
        {
            "4:2:0": {"subsampling": 2, "quality": 90},
            "4:2:2": {"subsampling": 1, "quality": 75},
            "4:4:4": {"subsampling": 0, "quality": 100},
            "progressive": {"progressive": True, "quality": 30},
            "restarts": {"restart_marker_rows": 1},
        }.items()
    )
}
OTHERS = {
    "png": png(smooth(1)),
    "gif": encoded(smooth(2), "GIF"),
    "other size": encoded(smooth(3, 40, 50)),
    "turned": encoded(smooth(4), exif=exif(6)),
    "cmyk": encoded_cmyk(),
}


@pytest.mark.parametrize("file", PLAIN.values(), ids=PLAIN)
def test_a_plain_jpeg_is_decoded_without_python_to_pillows_pixels(file, in_python):
    result = loaded([file])
    assert in_python == []
    expected = np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))
    np.testing.assert_array_equal(result["image"], expected[None])
    assert result["good"].tolist() == [True]


@pytest.mark.parametrize("file", OTHERS.values(), ids=OTHERS)
def test_any_other_image_is_decoded_and_fitted_by_pillow(file, in_python):
    result = loaded([file])
    assert in_python == [file]
    expected = centre_fit(decode(file, SIZE), (SIZE, SIZE))
    np.testing.assert_array_equal(result["image"], expected[None])


def test_images_come_in_order_whatever_decodes_them():
    files = [*PLAIN.values(), *OTHERS.values()] * 7
    result = loaded(files)
    assert (
        result["label"].tolist()
        == result["position"].tolist()
        == [*range(70 + 35)][: len(files)]
    )
    for image, file in zip(result["image"], files, strict=True):
        expected = centre_fit(decode(file, SIZE), (SIZE, SIZE))
        np.testing.assert_array_equal(image, expected)


def damaged(how):
    """A JPEG that only decoding shows to be broken."""
    file = PLAIN["4:2:0 colour"]
    if how == "cut":
        return file[: len(file) * 2 // 3]
    tables = file.index(b"\xff\xc4")  # Huffman: more codes than there can be
    return file[: tables + 5] + bytes([255] * 16) + file[tables + 21 :]


@pytest.mark.parametrize("how", ["cut", "tables"])
def test_a_jpeg_that_breaks_in_the_graph_is_named_and_the_others_are_kept(how):
    good = [*PLAIN.values()]
    files = [*good[:3], damaged(how), *good[3:]]
    tally = BadImages(len(files), 1.0)
    result = loaded(files, bad_images=tally)
    assert result["good"].tolist() == [number != 3 for number in range(len(files))]
    assert not result["image"][3].any()
    assert tally.to_json()["images"].keys() == {"image-3"}
    for number, file in enumerate(files):
        if number != 3:
            expected = np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))
            np.testing.assert_array_equal(result["image"][number], expected)


def test_good_ones_leaves_out_the_rest():
    chunk = {"image": tf.range(4), "label": tf.range(4) * 10}
    kept = loading.good_ones({**chunk, "good": tf.constant([True, False, True, True])})
    assert {key: value.numpy().tolist() for key, value in kept.items()} == {
        "image": [0, 2, 3],
        "label": [0, 20, 30],
    }
