"""Archives of strangers: read in place, in bounded memory, or refused in one line."""

import gzip
import os
import random
import signal
import tarfile
import tempfile
import tracemalloc

import pytest

from tests.helpers.hostile_archives import (
    bomb,
    header,
    mutated,
    odd_names,
    patched_zip,
    sound_members,
    tar_member,
    tar_of,
    tar_with,
)
from tests.helpers.trees import contents, jpeg, write_tar, write_tree, write_zip
from zfkeras.data.files.archives import ZipFiles
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.files.tar_files import TarFiles
from zfkeras.data.pipeline import squares
from zfkeras.data.register import open_source
from zfkeras.errors import UsageError

CALTECH = {
    f"256_ObjectCategories/00{c}.x/00{c}_000{i}.jpg": jpeg(10 * c + i)
    for c in (1, 2)
    for i in range(3)
}
MB = 2**20


@pytest.fixture(autouse=True)
def watched(tmp_path, monkeypatch):
    """A room for archives inside folders that must stay as they are."""
    outer = tmp_path / "outer"
    room = outer / "a" / "room"
    temporary = tmp_path / "temporary"
    for folder in (room, temporary):
        folder.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.chdir(room)
    signal.alarm(60)  # a reader that goes in a circle must not hold up the tests
    yield room
    signal.alarm(0)
    left = [
        path
        for path in tmp_path.rglob("*")
        if room not in path.parents and "__autograph" not in path.name  # TensorFlow's
    ]
    assert sorted(left) == sorted([outer, outer / "a", room, temporary])
    assert not os.path.exists("/etc/absolute.jpg")


def refused(spec, match):
    with pytest.raises(UsageError, match=match) as caught:
        open_source(spec)
    assert len(str(caught.value).splitlines()) == 1
    assert spec.partition(":")[2] in str(caught.value)


def streamed(spec, split="train"):
    """The ids of what can be read and, by id, what is wrong with the others."""
    opened = open_source(spec).split(split)
    bad = BadImages(opened.num_examples, 1.0)
    good = squares(opened, 8, bad).as_numpy_iterator()
    return sum(1 for _ in good), bad.to_json()["images"]


# --- names and kinds of members ---


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.bz2"])
def test_names_that_lead_elsewhere_lead_nowhere(watched, kind):
    tree = {name: jpeg(i) for i, name in enumerate(odd_names())}
    path = watched / f"odd.{kind}"
    files = (
        ZipFiles(write_zip(path, tree))
        if kind == "zip"
        else TarFiles(write_tar(path, tree))
    )
    assert not any(name.startswith("..") for name in files.names)
    for name in files.names:
        assert files.read(files.key(name)) == tree[name]
    assert {"CAT/capital.jpg", "cat/capital.jpg", "cat/Capital.jpg"} < {*files.names}


def test_links_and_devices_of_a_tar_are_passed_over(watched):
    (watched / "secret.jpg").write_bytes(jpeg(9))
    more = [
        tar_member("256_ObjectCategories/001.x/s.jpg", 0, tarfile.SYMTYPE, "/etc/x"),
        tar_member("256_ObjectCategories/001.x/h.jpg", 0, tarfile.LNKTYPE, "../../x"),
        tar_member("256_ObjectCategories/001.x/c.jpg", 0, tarfile.CHRTYPE),
        tar_member("256_ObjectCategories/001.x/b.jpg", 0, tarfile.BLKTYPE),
        tar_member("256_ObjectCategories/001.x/f.jpg", 0, tarfile.FIFOTYPE),
        tar_member("256_ObjectCategories/002.x", 0, tarfile.SYMTYPE, str(watched)),
        tar_member("256_ObjectCategories/002.x/d.jpg", 0, tarfile.DIRTYPE),
    ]
    (watched / "l.tar").write_bytes(tar_of(CALTECH, more))
    split = open_source(f"caltech256:{watched / 'l.tar'}").split("train")
    expected = {n.removeprefix("256_ObjectCategories/"): c for n, c in CALTECH.items()}
    assert {id: content for id, _, content in contents(split)} == expected


def test_a_member_without_a_name_is_passed_over(watched):
    # Previously an IndexError.
    path = write_zip(watched / "n.zip", sound_members())
    data = path.read_bytes().replace(b"cat/0.jpg", b"\0at/0.jpg")
    path.write_bytes(data)
    assert ZipFiles(path).names == sorted({*sound_members()} - {"cat/0.jpg"})


# --- sizes that lie, and bombs ---


def peak_megabytes(call):
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1] / MB
    finally:
        tracemalloc.stop()


def test_a_member_larger_than_any_image_is_not_unpacked(watched):
    path = bomb(watched / "b.zip", "cat/bomb.jpg", 8 * MB)
    patched_zip(path, "cat/bomb.jpg", file_size=600 * MB)
    reasons = {}
    megabytes = peak_megabytes(lambda: reasons.update(streamed(f"folder:{path}")[1]))
    assert megabytes < 5
    assert "cat/bomb.jpg is too large: over 512 MB" in reasons["cat/bomb.jpg"]
    assert str(path) in reasons["cat/bomb.jpg"]


def test_a_member_that_says_it_is_small_is_unpacked_no_further(watched):
    # Previously zipfile unpacked all of it before it looked at the size.
    path = bomb(watched / "b.zip", "cat/bomb.jpg", 40 * MB)
    files = ZipFiles(patched_zip(path, "cat/bomb.jpg", file_size=1000))

    def read():
        with pytest.raises(OSError, match=r"b\.zip: cannot read cat/bomb.jpg: Bad CRC"):
            files.read(b"cat/bomb.jpg")

    assert peak_megabytes(read) < 5


@pytest.mark.parametrize("inside", ["t.tar", "t.tar.gz"])
def test_a_tar_that_unpacks_without_end_is_refused(watched, monkeypatch, inside):
    monkeypatch.setattr("zfkeras.data.files.tar_files._FREE_BYTES", 5 * MB)
    zeros = tar_of({"256_ObjectCategories/001.x/a.jpg": bytes(40 * MB)})
    content = gzip.compress(zeros) if inside.endswith("gz") else zeros
    path = write_zip(watched / "t.zip", {inside: content})
    refused(f"caltech256:{path}", rf"{inside} is not a whole tar.*unpacks to more than")


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, b"x", b"L"])
@pytest.mark.parametrize("size", [2**40])
def test_a_tar_header_of_a_terabyte_is_refused(watched, kind, size):
    # Previously a MemoryError.
    path = tar_with(watched / "t.tar", {}, header("x", size, kind), header("y", 0))
    refused(f"caltech256:{path}", r"t\.tar is not a whole tar archive")


@pytest.mark.parametrize("size", [-512])
def test_a_tar_that_leads_back_is_refused(watched, size):
    # Previously an endless walk, before Python 3.11.14.
    path = tar_with(watched / "t.tar", CALTECH, header("x.jpg", size))
    refused(f"caltech256:{path}", r"t\.tar is not a whole tar archive")


# --- broken ---


@pytest.mark.parametrize("spec", ["folder", "tiny-imagenet", "caltech256", "voc2012"])
@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
@pytest.mark.parametrize("content", [b"", b"<html>"])
def test_every_reader_refuses_what_is_no_archive(watched, spec, ending, content):
    path = watched / f"x{ending}"
    path.write_bytes(content)
    refused(f"{spec}:{path}", "archive|no images|is not")


@pytest.mark.parametrize("share", [0.3, 0.99])
def test_every_reader_refuses_half_an_archive(watched, share):
    tar = write_tar(watched / "c.tar.gz", CALTECH)
    zipped = write_zip(watched / "s.zip", sound_members())
    for path, specs in (
        (tar, ("caltech101", "caltech256", "voc2007")),
        (zipped, ("folder", "tiny-imagenet", "caltech101", "voc2012")),
    ):
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
        for spec in specs:
            refused(f"{spec}:{path}", r"is not a whole (zip|tar) archive")


# --- random harm ---


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["zip", "tar", "tar in zip"])
def test_mutated_archives_are_read_or_refused_and_nothing_else(watched, kind):
    count = 3000
    tar = tar_of(CALTECH)
    sound = {
        "zip": write_zip(watched / "s.zip", sound_members()).read_bytes(),
        "tar": tar,
        "tar in zip": write_zip(watched / "c.zip", {"c.tar": tar}).read_bytes(),
    }[kind]
    path = watched / ("f.tar" if kind == "tar" else "f.zip")
    spec = f"{'folder' if kind == 'zip' else 'caltech256'}:{path}"
    refusals = 0
    for seed in range(count):
        signal.alarm(60)
        path.write_bytes(mutated(sound, random.Random(seed)))
        try:
            split = open_source(spec).split("train")
        except UsageError as err:
            assert len(str(err).splitlines()) == 1
            refusals += 1
            continue
        for key in split.keys:
            try:
                split.read(key)
            except OSError as err:
                assert str(path) in str(err)
    assert count // 20 < refusals < count


# --- folders ---


def test_pipes_devices_and_giants_in_a_folder_are_bad_images(watched):
    # Previously a pipe waited for ever, and a device never ended.
    root = write_tree(watched / "f", sound_members())
    os.mkfifo(root / "cat" / "pipe.jpg")
    os.symlink("/dev/zero", root / "cat" / "device.jpg")
    os.symlink(watched / "nowhere", root / "cat" / "lost.jpg")
    with open(root / "dog" / "giant.jpg", "wb") as giant:
        giant.truncate(2**40)
    good, bad = streamed(f"folder:{root}")
    assert good == 6
    assert bad.keys() == {
        "cat/pipe.jpg",
        "cat/device.jpg",
        "cat/lost.jpg",
        "dog/giant.jpg",
    }
    assert "not a regular file" in bad["cat/pipe.jpg"]
    assert "not a regular file" in bad["cat/device.jpg"]
    assert "too large" in bad["dog/giant.jpg"]
