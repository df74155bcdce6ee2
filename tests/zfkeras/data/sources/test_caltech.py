import time

import numpy as np
import pytest

from tests.helpers.trees import (
    contents,
    jpeg,
    write_tar,
    write_tar_in_zip,
    write_tree,
    write_zip,
)
from zfkeras.data.register import open_source
from zfkeras.data.sources.caltech import background_label
from zfkeras.data.sources.caltech101 import CATEGORIES
from zfkeras.errors import UsageError

SMALL = {
    "101_ObjectCategories/ant/image_0001.jpg": jpeg(1),
    "101_ObjectCategories/ant/image_0002.jpg": jpeg(2),
    "101_ObjectCategories/BACKGROUND_Google/image_0001.jpg": jpeg(3),
    "101_ObjectCategories/BACKGROUND_Google/tmp": "an old tar",
    "101_ObjectCategories/Faces_easy/image_0001.jpg": jpeg(4),
}
ROWS = [
    ("BACKGROUND_Google/image_0001.jpg", 0, jpeg(3)),
    ("Faces_easy/image_0001.jpg", 1, jpeg(4)),
    ("ant/image_0001.jpg", 2, jpeg(1)),
    ("ant/image_0002.jpg", 2, jpeg(2)),
]
# As published: what is neither a category nor an image of one lies about in it.
SMALL_256 = {
    "256_ObjectCategories/001.ak47/001_0001.jpg": jpeg(1),
    "256_ObjectCategories/056.dog/056_0001.jpg": jpeg(2),
    "256_ObjectCategories/056.dog/greg/vision309/056_0001.jpg": jpeg(3),
    "256_ObjectCategories/198.spider/198_0001.jpg": jpeg(4),
    "256_ObjectCategories/198.spider/RENAME2": "a script",
    "256_ObjectCategories/RENAME2/001_0001.jpg": jpeg(5),
    "256_ObjectCategories/257.clutter/257_0001.jpg": jpeg(6),
    "256_ObjectCategories/Thumbs.db": "thumbnails",
}


def stripped(files, levels=1):
    return {"/".join(name.split("/")[levels:]): files[name] for name in files}


def deeper(files, folder):
    return {f"{folder}/{name}": content for name, content in files.items()}


def as_downloaded(tmp_path, name):
    tar = "caltech-101/101_ObjectCategories.tar.gz"
    path = write_tar_in_zip(tmp_path / "caltech-101.zip", tar, SMALL)
    return path if name == "zip" else tmp_path


def unzipped(tmp_path):
    (tmp_path / "caltech-101").mkdir()
    write_tar(tmp_path / "caltech-101" / "101_ObjectCategories.tar.gz", SMALL)
    return tmp_path


FORMS = {
    "folder": lambda tmp: write_tree(tmp, SMALL) / "101_ObjectCategories",
    "parent": lambda tmp: write_tree(tmp, SMALL),
    "grandparent": lambda tmp: write_tree(tmp, deeper(SMALL, "caltech-101")),
    "renamed": lambda tmp: write_tree(tmp / "mine", stripped(SMALL)),
    "tar.gz": lambda tmp: write_tar(tmp / "101_ObjectCategories.tar.gz", SMALL),
    "tar": lambda tmp: write_tar(tmp / "c.tar", deeper(SMALL, "x")),
    "zip of folders": lambda tmp: write_zip(tmp / "c.zip", SMALL),
    "zip of a tar": lambda tmp: as_downloaded(tmp, "zip"),
    "folder of the zip": lambda tmp: as_downloaded(tmp, "folder"),
    "unzipped": unzipped,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_caltech_101_gives_the_same_images(tmp_path, form):
    path = FORMS[form](tmp_path)
    source = open_source(f"caltech101:{path}")
    assert source.spec == f"caltech101:{path}"
    assert source.class_names == ("BACKGROUND_Google", "Faces_easy", "ant")
    assert contents(source.split("train")) == ROWS


def test_labels_are_those_of_the_same_folder_as_a_plain_one(tmp_path):
    root = write_tree(tmp_path, SMALL) / "101_ObjectCategories"
    plain, own = open_source(f"folder:{root}"), open_source(f"caltech101:{root}")
    assert plain.class_names == own.class_names
    # A plain folder also takes files without an ending, such as the set's stray "tmp".
    images = [row for row in contents(plain.split("train")) if row[0][-4:] == ".jpg"]
    assert images == contents(own.split("train"))


@pytest.mark.parametrize("kind", ["tree", "tar", "zip"])
def test_strays_in_caltech_256_are_left_out(tmp_path, kind):
    write = {
        "tree": lambda: write_tree(tmp_path, SMALL_256),
        "tar": lambda: write_tar(tmp_path / "256_ObjectCategories.tar", SMALL_256),
        "zip": lambda: write_zip(tmp_path / "c.zip", SMALL_256),
    }
    source = open_source(f"caltech256:{write[kind]()}")
    assert source.class_names == ("001.ak47", "056.dog", "198.spider", "257.clutter")
    assert contents(source.split("train")) == [
        ("001.ak47/001_0001.jpg", 0, jpeg(1)),
        ("056.dog/056_0001.jpg", 1, jpeg(2)),
        ("198.spider/198_0001.jpg", 2, jpeg(4)),
        ("257.clutter/257_0001.jpg", 3, jpeg(6)),
    ]
    assert background_label(source.class_names) == 3


@pytest.mark.parametrize(
    ("names", "label"),
    [
        (("Faces", "BACKGROUND_Google"), 1),
        (("background_google", "ant"), 0),  # as TFDS writes it
        (("001.ak47", "056.dog"), None),
    ],
)
def test_the_background_is_found_by_name(names, label):
    assert background_label(names) == label


def whole(but=()):
    return {
        f"101_ObjectCategories/{name}/image_0001.jpg": jpeg(1)
        for name in ("BACKGROUND_Google", *CATEGORIES)
        if name not in but
    }


def whole_256(but=()):
    return {
        f"256_ObjectCategories/{n:03d}.thing/{n:03d}_0001.jpg": jpeg(1)
        for n in range(1, 258)
        if n not in but
    }


def test_a_whole_set_may_lack_its_background(tmp_path):
    tree = write_tree(tmp_path / "101", whole(["BACKGROUND_Google"]))
    assert open_source(f"caltech101:{tree}").class_names == CATEGORIES
    tree = write_tree(tmp_path / "256", whole_256([257]))
    assert len(open_source(f"caltech256:{tree}").class_names) == 256


BAD = [
    ("caltech101", whole(["emu"]), "", "no folder for category emu; expected caltech-"),
    (
        "caltech101",
        whole(CATEGORIES[:7]),
        "",
        "no folder for categories Faces, Faces_easy, .*, accordion and 2 more",
    ),
    ("caltech256", whole_256([3]), "", r"no folder for category 003; expected 256_Ob"),
    (
        "caltech101",
        {**SMALL, "101_ObjectCategories/emu/notes.txt": "none"},
        "",
        "no images in category emu; expected caltech-101.zip, which python -m zfk",
    ),
    ("caltech101", SMALL, "101_ObjectCategories/ant", "this is one category; name the"),
    ("caltech256", SMALL_256, "256_ObjectCategories/056.dog", "this is one category"),
    ("caltech101", SMALL_256, "", "no folder 101_ObjectCategories of categories"),
    ("caltech256", SMALL, "", "no folder 256_ObjectCategories of categories"),
    ("caltech101", deeper(SMALL, "a/b"), "", "no folder 101_ObjectCategories of cat"),
    (
        "caltech101",
        {"101_ObjectCategories/ant/image_0001.jpg": jpeg(1)},
        "",
        "fewer than two categories",
    ),
]


@pytest.mark.parametrize(("prefix", "files", "below", "message"), BAD)
def test_a_wrong_folder_is_one_line(tmp_path, prefix, files, below, message):
    path = write_tree(tmp_path, files) / below
    with pytest.raises(UsageError, match=message) as caught:
        open_source(f"{prefix}:{path}")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_folder_of_a_category_is_named(tmp_path):
    root = write_tree(tmp_path, SMALL)
    (root / "101_ObjectCategories" / "emu").mkdir()
    with pytest.raises(UsageError, match="no images in category emu"):
        open_source(f"caltech101:{root}")
    (root / "101_ObjectCategories" / "not a category").mkdir()
    (root / "101_ObjectCategories" / "emu").rmdir()
    assert len(open_source(f"caltech101:{root}").class_names) == 3


@pytest.mark.parametrize("prefix", ["caltech101", "caltech256"])
def test_a_missing_path_says_where_to_get_the_set(tmp_path, prefix):
    with pytest.raises(
        FileNotFoundError, match=f"gone does not exist; .*zfkeras.download {prefix} "
    ):
        open_source(f"{prefix}:{tmp_path / 'gone'}")


@pytest.mark.data
def test_caltech_101_as_published(photographs):
    begin = time.perf_counter()
    source = open_source(f"caltech101:{photographs}/caltech-101.zip")
    split = source.split("train")
    first = time.perf_counter() - begin
    assert source.class_names == ("BACKGROUND_Google", *CATEGORIES)
    assert split.num_examples == 9144
    counts = dict(zip(source.class_names, np.bincount(split.labels), strict=True))
    known = {
        "BACKGROUND_Google": 467,
        "airplanes": 800,
        "Motorbikes": 798,
        "inline": 31,
    }
    for name, count in known.items():
        assert counts.get(name, 31) == count
    assert counts["inline_skate"] == min(counts.values()) == 31
    begin = time.perf_counter()
    assert all(split.read(key).startswith(b"\xff\xd8") for key in split.keys)
    assert time.perf_counter() - begin < max(1, first)  # 0.02 s: nothing is unpacked


@pytest.mark.data
def test_ten_categories_of_caltech_256_as_published(photographs):
    path = photographs / "caltech-256-ten-categories.zip"
    source = open_source(f"caltech256:{path}")
    assert len(source.class_names) == 10
    assert source.class_names[0] == "003.backpack"
    split = source.split("train")
    assert split.num_examples == 1123
    for id, label, file in contents(split)[::100]:
        assert id.startswith(source.class_names[label] + "/")
        assert file.startswith(b"\xff\xd8")
