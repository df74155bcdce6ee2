import numpy as np
import pytest

from tests.helpers.trees import (
    contents,
    jpeg,
    write_tar,
    write_tree,
    write_zip,
)
from zfkeras.data.register import open_source
from zfkeras.data.sources.caltech import CATEGORIES, background_label

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


def stripped(files):
    return {name.partition("/")[2]: files[name] for name in files}


def deeper(files, folder):
    return {f"{folder}/{name}": content for name, content in files.items()}


def as_published(tmp, beside=False):
    tar = write_tar(tmp / "images.tar.gz", SMALL).read_bytes()
    notes = {"Annotations/ant/annotation_0001.mat": b"a matrix"}
    tree = {
        "caltech-101/101_ObjectCategories.tar.gz": tar,
        "caltech-101/Annotations.tar": write_tar(tmp / "notes.tar", notes).read_bytes(),
        "caltech-101/show_annotation.m": b"a script",
        "__MACOSX/caltech-101/._101_ObjectCategories.tar.gz": b"litter",
    }
    path = write_zip(tmp / "caltech-101.zip", tree)
    return tmp if beside else path


FORMS = {
    "folder": lambda tmp: write_tree(tmp, SMALL) / "101_ObjectCategories",
    "parent": lambda tmp: write_tree(tmp, SMALL),
    "grandparent": lambda tmp: write_tree(tmp, deeper(SMALL, "caltech-101")),
    "renamed": lambda tmp: write_tree(tmp / "mine", stripped(SMALL)),
    "tar.gz": lambda tmp: write_tar(tmp / "101_ObjectCategories.tar.gz", SMALL),
    "tar": lambda tmp: write_tar(tmp / "c.tar", deeper(SMALL, "x")),
    "zip of folders": lambda tmp: write_zip(tmp / "c.zip", SMALL),
    "as published": as_published,
    "folder of what is published": lambda tmp: as_published(tmp, beside=True),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_caltech_101_gives_the_same_images(tmp_path, form):
    path = FORMS[form](tmp_path)
    source = open_source(f"caltech101:{path}")
    assert source.spec == f"caltech101:{path}"
    assert source.class_names == ("BACKGROUND_Google", "Faces_easy", "ant")
    assert contents(source.split("train")) == ROWS


@pytest.mark.parametrize("write", [write_tree, write_tar, write_zip])
def test_strays_in_caltech_256_are_left_out(tmp_path, write):
    source = open_source(f"caltech256:{write(tmp_path / 'c', SMALL_256)}")
    assert source.class_names == ("001.ak47", "056.dog", "198.spider", "257.clutter")
    assert contents(source.split("train")) == [
        ("001.ak47/001_0001.jpg", 0, jpeg(1)),
        ("056.dog/056_0001.jpg", 1, jpeg(2)),
        ("198.spider/198_0001.jpg", 2, jpeg(4)),
        ("257.clutter/257_0001.jpg", 3, jpeg(6)),
    ]


@pytest.mark.parametrize(
    ("names", "label"),
    [
        (("Faces", "BACKGROUND_Google"), 1),
        (("background_google", "ant"), 0),  # as TFDS writes it
        (("198.spider", "257.clutter"), 1),
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


EMPTY = {"101_ObjectCategories/emu/notes.txt": "none"}
ONE = {"101_ObjectCategories/ant/image_0001.jpg": jpeg(1)}


@pytest.mark.parametrize(
    ("prefix", "files", "below", "wrong"),
    [
        ("caltech101", whole(["emu"]), "", "category emu"),
        ("caltech101", whole(CATEGORIES[:7]), "", "accordion and 2 more"),
        ("caltech256", whole_256([3]), "", "category 003"),
        ("caltech101", SMALL | EMPTY, "", "category emu"),
        ("caltech101", SMALL, "101_ObjectCategories/ant", "one category"),
        ("caltech256", SMALL_256, "256_ObjectCategories/056.dog", "one category"),
        ("caltech101", SMALL_256, "", "no folder 101_ObjectCategories"),
        ("caltech256", SMALL, "", "no folder 256_ObjectCategories"),
        ("caltech101", deeper(SMALL, "a/b"), "", "no folder 101_ObjectCategories"),
        ("caltech101", ONE, "", "fewer than two"),
    ],
)
def test_a_wrong_folder_is_one_line(tmp_path, refused, prefix, files, below, wrong):
    refused(prefix, write_tree(tmp_path, files) / below, wrong)


@pytest.mark.data
def test_caltech_101_as_published(photographs):
    source = open_source(f"caltech101:{photographs}/caltech-101.zip")
    split = source.split("train")
    assert source.class_names == ("BACKGROUND_Google", *CATEGORIES)
    assert split.num_examples == 9144
    counts = dict(zip(source.class_names, np.bincount(split.labels), strict=True))
    assert counts["BACKGROUND_Google"] == 467 and counts["airplanes"] == 800
    assert counts["inline_skate"] == min(counts.values()) == 31
    assert all(split.read(key).startswith(b"\xff\xd8") for key in split.keys)


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
