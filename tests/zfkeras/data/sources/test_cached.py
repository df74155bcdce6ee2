import io
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.pipeline import training_batches
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.register import open_source
from zfkeras.data.sources.prepared.cached import with_cached_squares

SIZE = 16
PREPROCESSING = Preprocessing(np.zeros((SIZE, SIZE, 3), np.float32), 12)


def jpeg(number, height, width):
    file = io.BytesIO()
    Image.fromarray(noise(number, height, width)).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "zfkeras" / "squares"


@pytest.fixture
def images(tmp_path):
    """Files of several kinds, one JPEG that is a square already, and one bad file."""
    files = {f"a/{number}.png": png(noise(number, 20, 30)) for number in range(4)}
    files |= {f"b/{number}.jpg": jpeg(number, 40, 25) for number in range(4)}
    files |= {"b/ready.jpg": jpeg(9, SIZE, SIZE), "b/bad.jpg": b"\xff\xd8 no image"}
    return write_tree(tmp_path / "images", files)


def split_of(folder):
    return open_source(f"folder:{folder}").split("train")


def epoch(split):
    """All that training sees of an epoch, and the bad images."""
    bad_images = BadImages(split.num_examples, 1.0)
    batches = training_batches(
        split, PREPROCESSING, 3, seed=0, epoch=1, bad_images=bad_images
    )
    seen = [{key: value.numpy() for key, value in batch.items()} for batch in batches]
    return seen, bad_images.reasons()


def assert_same(found, expected):
    assert found[1] == expected[1] and len(found[0]) == len(expected[0])
    for ours, theirs in zip(found[0], expected[0], strict=True):
        for key, values in theirs.items():
            np.testing.assert_array_equal(ours[key], values, err_msg=key)


def test_squares_of_the_cache_are_those_of_the_files_to_the_bit(images, cache, caplog):
    caplog.set_level("INFO")
    split = split_of(images)
    expected = epoch(split)
    found = with_cached_squares(split, SIZE)
    assert found is not split and str(cache) in caplog.text
    assert_same(epoch(found), expected)
    assert [*expected[1]] == ["b/bad.jpg"]
    # The second call finds the squares and writes none.
    (shard,) = cache.rglob("*.tfrecord")
    written = shard.stat().st_mtime_ns
    assert_same(epoch(with_cached_squares(split_of(images), SIZE)), expected)
    assert shard.stat().st_mtime_ns == written
    # What the files hold is no longer read, but where there is no square.
    shutil.rmtree(images / "a")
    assert_same(epoch(found), expected)


def test_parts_of_a_split_are_the_same_images(images, cache):
    split = split_of(images)
    for ours, theirs in zip(
        with_cached_squares(split, SIZE).carve(0.4, 3), split.carve(0.4, 3), strict=True
    ):
        assert ours.names.tolist() == theirs.names.tolist()
        assert_same(epoch(ours), epoch(theirs))


def test_a_damaged_square_is_read_from_its_file(images, cache):
    split = split_of(images)
    found = with_cached_squares(split, SIZE)
    (shard,) = cache.rglob("*.tfrecord")
    shard.write_bytes(bytes(shard.stat().st_size))
    assert_same(epoch(found), epoch(split))
    shard.unlink()
    assert_same(epoch(found), epoch(split))


def test_a_file_that_has_changed_is_prepared_anew(images, cache):
    with_cached_squares(split_of(images), SIZE)
    path = images / "a" / "0.png"
    before = path.stat()
    path.write_bytes(png(noise(77, 20, 30)))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    split = split_of(images)
    assert_same(epoch(with_cached_squares(split, SIZE)), epoch(split))
    assert len([*cache.iterdir()]) == 2


def test_what_does_not_pay_or_fit_is_left_as_it_is(images, cache, monkeypatch):
    split = split_of(images)
    assert with_cached_squares(split, SIZE, max_bytes=10 * SIZE * SIZE * 3 - 1) is split
    generated = open_source("shapes:16:20").split("train")
    assert with_cached_squares(generated, SIZE) is generated
    ready = {f"{name}/{n}.jpg": jpeg(n, SIZE, SIZE) for name in "ab" for n in range(3)}
    squares = split_of(write_tree(images.parent / "ready", ready))
    assert with_cached_squares(squares, SIZE) is squares
    full = shutil.disk_usage(images)._replace(free=19 * SIZE * SIZE * 3)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    assert with_cached_squares(split, SIZE) is split
    assert not [*cache.rglob("*.tfrecord")]


def test_a_cache_that_cannot_be_written_is_said_and_not_missed(
    images, tmp_path, monkeypatch, caplog
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    split = split_of(images)
    assert with_cached_squares(split, SIZE) is split
    assert "going on without" in caplog.text
