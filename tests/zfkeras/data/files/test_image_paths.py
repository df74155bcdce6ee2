from pathlib import Path

import pytest

from tests.helpers.trees import write_tree
from zfkeras.data.files.image_paths import image_paths
from zfkeras.errors import UsageError


def test_files_stand_as_named_and_those_of_folders_sorted(tmp_path):
    write_tree(tmp_path, {name: b"" for name in ("z.jpg", "in/b.png", "in/a.jpg")})
    write_tree(tmp_path, {name: b"" for name in ("in/.hidden", "in/deeper/c.jpg")})
    found = image_paths([str(tmp_path / "z.jpg"), tmp_path / "in"])
    names = ["z.jpg", "in/a.jpg", "in/b.png"]
    assert found == [tmp_path / name for name in names]
    assert image_paths([]) == []


def test_missing_paths_and_folders_without_files_are_refused(tmp_path):
    write_tree(tmp_path, {"folder/inside/a.jpg": b""})
    with pytest.raises(FileNotFoundError, match="none.jpg"):
        image_paths([Path(tmp_path, "none.jpg")])
    with pytest.raises(UsageError, match=f"{tmp_path}/folder"):
        image_paths([tmp_path / "folder"])
