"""Archives, those of strangers too: unpacked whole into the cache, or refused."""

import errno
import gzip
import os
import random
import shutil
import signal
import subprocess
import tarfile
import time
import types
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.helpers.hostile_archives import (
    header,
    mutated,
    patched_zip,
    tar_member,
    tar_of,
    tar_with,
)
from tests.helpers.trees import jpeg, write_tar, write_tar_in_zip, write_tree, write_zip
from zfkeras.data.files.archives import open_files
from zfkeras.data.published.finding import cache_folder
from zfkeras.errors import RunError, UsageError

TREE = {"set/b.txt": b"a list", "set/a/x.jpg": jpeg(1), "set/a/žluť.jpg": jpeg(2)}
LITTER = {".hidden.jpg": b"", "__MACOSX/a/._x.jpg": b"", "set/a/x.xml": b"<a/>"}
MB = 2**20


@pytest.fixture(autouse=True)
def room(tmp_path, monkeypatch):
    """The folder of what is unpacked; beside it nothing is written."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    signal.alarm(60)  # a reader that goes in a circle must not hold up the tests
    yield cache_folder() / "unpacked"
    signal.alarm(0)
    outside = {path.name for path in tmp_path.iterdir() if path.is_dir()} - {"cache"}
    assert not outside and not os.path.exists("/etc/absolute.jpg")


def assert_tree(path):
    files = open_files(path, "a tree")
    assert files.path == path
    assert {name: files.read(files.key(name)) for name in files.names} == TREE


def refused(path, room, match="not a whole", error=UsageError):
    with pytest.raises(error, match=match) as caught:
        open_files(path, "a tree")
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert not room.exists() or os.listdir(room) == []


@pytest.mark.parametrize(
    "name", ["t.zip", "t.tar", "t.tar.gz", "t.tgz", "t.tar.bz2", "t.tar.xz", "download"]
)
def test_every_kind_of_archive_is_unpacked_once(tmp_path, room, name):
    write = write_zip if name == "t.zip" else write_tar
    path = write(tmp_path / name, TREE | LITTER)
    assert_tree(path)
    (folder,) = room.iterdir()
    assert folder.name.startswith(f"{name}-")
    before = folder.stat().st_mtime_ns
    assert_tree(path)
    assert folder.stat().st_mtime_ns == before
    # Another archive of that name is another set.
    write(path, {"set/c.jpg": jpeg(3)})
    assert open_files(path, "a tree").names == ["set/c.jpg"]


def test_archives_in_an_archive_of_archives_are_unpacked_too(tmp_path, room):
    inside = write_tar(tmp_path / "i.tar.gz", TREE)
    beside = write_tar(tmp_path / "b.tar", {"notes.mat": b""}).read_bytes()
    tree = {"i.tar.gz": inside.read_bytes(), "b.tar": beside}
    files = open_files(write_zip(tmp_path / "t.zip", tree), "a tree")
    assert files.names == ["notes.mat", *sorted(TREE)]
    assert_tree(write_tar_in_zip(tmp_path / "u.zip", "u.tar", TREE))
    zipped = write_zip(tmp_path / "v.zip", TREE).read_bytes()
    assert_tree(write_tar(tmp_path / "v.tar", {"v.zip": zipped}))
    # Beside images they are somebody's backup.
    assert_tree(write_zip(tmp_path / "w.zip", {**TREE, "set/a/old.zip": zipped}))


@pytest.mark.parametrize("name", ["/etc/absolute.jpg", "../../above.jpg", "a/../../x"])
@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_a_path_that_leads_out_is_refused(tmp_path, room, name, write):
    refused(write(tmp_path / "t.zip", {**TREE, name: jpeg(3)}), room, "leads out")


def test_links_and_devices_are_left_out(tmp_path):
    (tmp_path / "secret.jpg").write_bytes(jpeg(9))
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)
    more = [tar_member(f"set/{kind}.jpg", 0, kind, "secret.jpg") for kind in kinds]
    more.append(tar_member("set/c", 0, tarfile.SYMTYPE, str(tmp_path)))
    (tmp_path / "t.tar").write_bytes(tar_of(TREE, more))
    assert_tree(tmp_path / "t.tar")


def bombs(folder):
    zeros = tar_of({"set/zeros.jpg": bytes(40 * MB)})
    small = write_zip(folder / "small.zip", {"set/zeros.jpg": bytes(40 * MB)})
    yield write_zip(folder / "b.zip", {"set/zeros.jpg": bytes(40 * MB)})
    yield patched_zip(small, "set/zeros.jpg", file_size=1000)  # it says
    yield write_zip(folder / "i.zip", {"i.tar.gz": gzip.compress(zeros)})
    yield tar_with(folder / "t.tar", TREE, header("set/c.jpg", 2**40))
    yield tar_with(folder / "x.tar", {}, header("x", 2**40, b"x"), header("y", 0))
    # Previously an endless walk, before Python 3.11.14.
    yield tar_with(folder / "n.tar", TREE, header("set/c.jpg", -512))


def broken(folder):
    for write, name in ((write_zip, "h.zip"), (write_tar, "h.tar.gz")):
        content = write(folder / name, TREE).read_bytes()
        for share in (0.3, 0.95):
            (folder / name).write_bytes(content[: int(share * len(content))])
            yield folder / name
    for content in (b"", b"<html>Please log in</html>" * 100):
        for name in ("p.zip", "p.tar.gz", "p"):
            (folder / name).write_bytes(content)
            yield folder / name
    yield patched_zip(write_zip(folder / "e.zip", TREE), "set/b.txt", flags=1)
    yield write_zip(folder / "l.zip", {**TREE, "x" * 3000 + ".jpg": b""})
    yield write_zip(folder / "f.zip", {"a.jpg": b"", "a.jpg/b.jpg": b""})


@pytest.mark.parametrize("make", [bombs, broken])
def test_bombs_and_broken_archives_are_refused(tmp_path, room, monkeypatch, make):
    monkeypatch.setattr("zfkeras.data.files.archives._FREE_BYTES", 20 * MB)
    monkeypatch.setattr("zfkeras.data.files.archives._MAX_GROWTH", 2)
    for path in make(tmp_path):
        refused(path, room)


def test_a_zip_of_another_compression_says_how_to_pack_it(tmp_path):
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a/x.jpg", jpeg(1))
    with pytest.raises(UsageError) as caught:
        open_files(path, "class folders")
    assert caught.value.argument == str(path)
    assert "stored or deflated" in caught.value.expected


def test_a_disk_that_is_or_would_be_full_is_one_line(tmp_path, room, monkeypatch):
    path = write_tar(tmp_path / "t.tar", {"a.jpg": bytes(3 * MB)})
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: types.SimpleNamespace(free=MB))
        refused(path, room, "no space left", RunError)
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path / "cache")]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no mounting here")
    try:
        plenty = types.SimpleNamespace(free=10**10)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: plenty)
        refused(path, room, "no space left", RunError)
    finally:
        subprocess.run(["umount", str(tmp_path / "cache")], check=True)


@pytest.mark.parametrize(
    "error", [MemoryError(), OSError(errno.EIO, os.strerror(errno.EIO))]
)
def test_what_the_system_refuses_is_no_fault_of_the_archive(
    tmp_path, room, monkeypatch, error
):
    def copy(*_):
        raise error

    monkeypatch.setattr(shutil, "copyfileobj", copy)
    with pytest.raises(type(error)) as caught:
        open_files(write_tar(tmp_path / "t.tar", TREE), "a tree")
    assert caught.value is error
    assert not [path for path in room.iterdir() if path.is_dir()]


def test_what_a_killed_process_left_is_not_taken_and_goes(tmp_path, room):
    left = {".unpacking/set/half.jpg": b"half", ".zfkeras-lock": b""}
    write_tree(room, left)
    assert_tree(write_tar(tmp_path / "t.tar", TREE))
    (folder,) = room.iterdir()
    assert not folder.name.startswith(".")


def test_who_opens_what_another_unpacks_waits_for_it(tmp_path, room, monkeypatch):
    def copy(*args):
        assert [path.name[0] for path in room.iterdir()] == [".", "."]  # none whole
        copied.append(args)
        time.sleep(0.1)
        copy_file(*args)

    copied, copy_file = [], shutil.copyfileobj
    monkeypatch.setattr(shutil, "copyfileobj", copy)
    path = write_tar(tmp_path / "t.tar", TREE)
    with ThreadPoolExecutor(3) as threads:
        opened = [*threads.map(open_files, [path] * 3, ["a tree"] * 3)]
    assert {tuple(files.names) for files in opened} == {tuple(sorted(TREE))}
    assert len(copied) == len(TREE)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["zip", "tar", "tar in zip"])
def test_mutated_archives_are_unpacked_or_refused_and_nothing_else(tmp_path, kind):
    sound = {
        "zip": write_zip(tmp_path / "s.zip", TREE).read_bytes(),
        "tar": tar_of(TREE),
        "tar in zip": write_zip(
            tmp_path / "c.zip", {"c.tar": tar_of(TREE)}
        ).read_bytes(),
    }[kind]
    path, count, refusals = tmp_path / "mutated", 1000, 0
    for seed in range(count):
        signal.alarm(60)
        path.write_bytes(mutated(sound, random.Random(seed)))
        try:
            open_files(path, "a tree")
        except UsageError as err:
            assert str(path) in str(err) and len(str(err).splitlines()) == 1
            refusals += 1
    assert count // 20 < refusals < count
