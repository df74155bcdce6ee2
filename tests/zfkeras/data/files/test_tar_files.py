import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.helpers.trees import write_tar, write_tar_in_zip, write_tree, write_zip
from zfkeras.data.files.tar_files import TarFiles, open_files
from zfkeras.errors import UsageError

TREE = {
    "b.txt": "in b",
    "a/x.txt": "in a/x",
    "a/deep/žluť.txt": "in a/deep",
    ".hidden": "no",
    "a/._x.txt": "no",
    "__MACOSX/a/x.txt": "no",
}
SHOWN = ["a/deep/žluť.txt", "a/x.txt", "b.txt"]
KINDS = ["t.tar", "t.tar.gz", "t.tgz", "t.tar.bz2", "t.tar.xz"]


def assert_shown(files):
    assert files.names == SHOWN
    for name in SHOWN:
        assert files.read(files.key(name)) == TREE[name].encode()
    assert files.read_lines("a/x.txt") == ["in a/x"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_tar_lists_and_reads_the_same(tmp_path, kind):
    files = open_files(write_tar(tmp_path / kind, TREE), "a tree")
    assert_shown(files)
    assert files.folders == {"a", "a/deep", "__MACOSX/a"}


@pytest.mark.parametrize("kind", KINDS[:2])
def test_a_tar_is_told_by_its_content(tmp_path, kind):
    path = write_tar(tmp_path / kind, TREE).rename(tmp_path / "download")
    assert_shown(open_files(path, "a tree"))


@pytest.mark.parametrize("kind", KINDS[:2])
def test_a_tar_inside_a_zip_is_read(tmp_path, kind):
    path = write_tar_in_zip(tmp_path / "t.zip", f"set/{kind}", TREE)
    assert_shown(open_files(path, "a tree"))


def test_a_tar_is_read_by_many_threads_at_once(tmp_path):
    tree = {f"{i}.txt": str(i) * 1000 for i in range(50)}
    files = TarFiles(write_tar(tmp_path / "t.tar.gz", tree))
    keys = [files.key(name) for name in files.names] * 20
    with ThreadPoolExecutor(8) as threads:
        read = list(threads.map(files.read, keys))
    assert read == [tree[key.decode()].encode() for key in keys]


def test_nothing_is_left_on_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "private"))
    (tmp_path / "private").mkdir()
    files = TarFiles(write_tar(tmp_path / "t.tar.gz", TREE))
    assert_shown(files)
    assert os.listdir(tmp_path / "private") == []


@pytest.mark.parametrize("kind", KINDS[:2])
@pytest.mark.parametrize("is_in_zip", [False, True])
def test_a_tar_cut_short_is_one_line(tmp_path, kind, is_in_zip):
    tree = {f"{i}.bin": os.urandom(5000) for i in range(20)}
    path = write_tar(tmp_path / kind, tree)
    half = path.read_bytes()[: path.stat().st_size // 2]
    if is_in_zip:
        path = write_zip(tmp_path / "t.zip", {kind: half})
    else:
        path.write_bytes(half)
    with pytest.raises(UsageError, match="is not a whole tar archive") as caught:
        open_files(path, "a tree")
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["t.tar", "t.tar.gz"])
@pytest.mark.parametrize("content", [b"", b"<html>Please log in</html>" * 100])
def test_a_page_in_place_of_a_tar_is_one_line(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match="is not a whole tar archive"):
        open_files(tmp_path / name, "a tree")


def test_what_is_no_archive_names_the_layout(tmp_path):
    path = write_tree(tmp_path, {"x.jpg": "picture"}) / "x.jpg"
    with pytest.raises(UsageError, match="neither a folder nor a zip or tar archive; "):
        open_files(path, "a tree")
    with pytest.raises(FileNotFoundError, match="does not exist; expected a tree"):
        open_files(tmp_path / "nowhere", "a tree")


def test_a_member_that_is_not_there_is_an_os_error(tmp_path):
    files = TarFiles(write_tar(tmp_path / "t.tar", TREE))
    with pytest.raises(OSError, match="cannot read y.txt: no such member"):
        files.read(b"y.txt")
