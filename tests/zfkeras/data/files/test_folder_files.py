import os

import pytest

from tests.helpers.trees import write_tree
from zfkeras.data.files.folder_files import Files
from zfkeras.errors import UsageError


def test_files_are_listed_by_name_and_read_without_hidden_ones(tmp_path):
    tree = {"b.txt": "in b", "a/x.txt": "1\n2", "a/deep/žluť.txt": "ok"}
    litter = {".hidden": "", "a/._x.txt": "", "__MACOSX/a/x.txt": "", "Thumbs.db": ""}
    files = Files(write_tree(tmp_path, {**tree, **litter}))
    assert files.names == sorted(tree)
    assert {n: files.read(files.key(n)).decode() for n in files.names} == tree
    assert files.read_lines("a/x.txt") == ["1", "2"]
    with pytest.raises(UsageError, match="nowhere.txt"):
        files.read_lines("nowhere.txt")


def test_what_has_several_names_is_listed_once_by_its_own(tmp_path):
    # Previously 82 names for two files: copies could stand in training and test.
    root = write_tree(tmp_path / "root", {"a/1.jpg": "one", "b/2.jpg": "two"})
    os.symlink(root / "b", root / "a" / "x")
    os.symlink(root / "a", root / "b" / "y")
    os.symlink(root / "b" / "2.jpg", root / "a" / "0.jpg")
    os.link(root / "b" / "2.jpg", root / "b" / "3.jpg")
    # A link to nothing is listed for the reader to report.
    os.symlink(tmp_path / "gone", root / "a" / "4.jpg")
    assert Files(root).names == ["a/1.jpg", "a/4.jpg", "b/2.jpg"]
