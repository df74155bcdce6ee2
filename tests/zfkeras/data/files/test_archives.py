import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.helpers.trees import write_tree, write_zip
from zfkeras.data.files.archives import FolderFiles, ZipFiles, open_files
from zfkeras.errors import UsageError

TREE = {
    "b.txt": "in b",
    "a/x.txt": "in a/x",
    "a/deep/y.txt": "in a/deep/y",
    ".hidden": "no",
    "a/._x.txt": "no",
    "__MACOSX/a/x.txt": "no",
}
SHOWN = ["a/deep/y.txt", "a/x.txt", "b.txt"]


def test_folder_and_zip_list_and_read_the_same(tmp_path):
    folder = open_files(write_tree(tmp_path / "tree", TREE), "a tree")
    archive = open_files(write_zip(tmp_path / "tree.zip", TREE), "a tree")
    assert isinstance(folder, FolderFiles) and isinstance(archive, ZipFiles)
    for files in (folder, archive):
        assert files.names == SHOWN
        for name in SHOWN:
            assert files.read(files.key(name)) == TREE[name].encode()
        assert files.read_lines("a/x.txt") == ["in a/x"]


def test_names_beyond_ascii_survive(tmp_path):
    tree = {"žluť/hůl.txt": "ok"}
    for path in (
        write_tree(tmp_path / "tree", tree),
        write_zip(tmp_path / "z.zip", tree),
    ):
        files = open_files(path, "")
        assert files.read(files.key("žluť/hůl.txt")) == b"ok"


def test_folders_that_link_to_each_other_are_listed_once(tmp_path):
    # Previously 82 names for two files: copies could stand in training and test.
    root = write_tree(tmp_path / "root", {"a/1.jpg": "one", "b/2.jpg": "two"})
    os.symlink(root / "b", root / "a" / "x")
    os.symlink(root / "a", root / "b" / "y")
    assert FolderFiles(root).names == ["a/1.jpg", "b/2.jpg"]


def test_a_file_with_several_names_is_listed_once_by_its_own(tmp_path):
    root = write_tree(tmp_path / "root", {"b/1.jpg": "one"})
    (root / "a").mkdir()
    os.symlink(root / "b" / "1.jpg", root / "a" / "soft.jpg")
    os.link(root / "b" / "1.jpg", root / "b" / "hard.jpg")
    assert FolderFiles(root).names == ["b/1.jpg"]


def test_a_link_to_nothing_is_listed_for_the_reader_to_report(tmp_path):
    root = write_tree(tmp_path / "root", {"a/1.jpg": "one"})
    os.symlink(tmp_path / "gone", root / "a" / "2.jpg")
    assert FolderFiles(root).names == ["a/1.jpg", "a/2.jpg"]


def test_a_zip_is_read_by_many_threads_at_once(tmp_path):
    tree = {f"{i}.txt": str(i) * 1000 for i in range(50)}
    files = ZipFiles(write_zip(tmp_path / "z.zip", tree))
    keys = [files.key(name) for name in files.names] * 20
    with ThreadPoolExecutor(8) as threads:
        read = list(threads.map(files.read, keys))
    assert read == [tree[key.decode()].encode() for key in keys]


def test_a_zip_cut_short(tmp_path):
    path = write_zip(tmp_path / "z.zip", TREE)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UsageError, match=r"z\.zip is not a whole zip archive"):
        open_files(path, "a tree")


def test_a_broken_or_absent_member_is_an_os_error(tmp_path):
    path = write_zip(tmp_path / "z.zip", {"x.txt": "word " * 1000})
    broken = bytearray(path.read_bytes())
    broken[40:50] = bytes(10)
    path.write_bytes(broken)
    files = ZipFiles(path)
    with pytest.raises(OSError, match=r"z\.zip: cannot read x\.txt"):
        files.read(b"x.txt")
    with pytest.raises(OSError, match=r"cannot read y\.txt"):
        files.read(b"y.txt")
    with pytest.raises(UsageError, match=r"z\.zip: x\.txt cannot be read"):
        files.read_lines("x.txt")
