"""Layouts of small folders: the split and class of each image, by hand."""

import logging

import pytest

from tests.helpers.trees import contents, jpeg, write_tar, write_tree, write_zip
from zfkeras.data.register import open_source
from zfkeras.data.sources.folder_layout import split_of

# Layout -> its files, and by split "id: class" of each image.
LAYOUTS = {
    "classes": (
        "cat/1.jpg dog/2.PNG dog/deep/er/3.webp",
        {"train": "cat/1.jpg: cat, dog/2.PNG: dog, dog/deep/er/3.webp: dog"},
    ),
    "train, valid and test, in any case of letters": (
        "Train/a/1.jpg Train/b/2.jpg valid/a/3.jpg TEST/b/4.jpg",
        {
            "train": "Train/a/1.jpg: a, Train/b/2.jpg: b",
            "validation": "valid/a/3.jpg: a",
            "test": "TEST/b/4.jpg: b",
        },
    ),
    "a wrapping folder": (
        "pets/train/a/1.jpg pets/train/b/2.jpg pets/val/a/3.jpg",
        {"train": "train/a/1.jpg: a, train/b/2.jpg: b", "validation": "val/a/3.jpg: a"},
    ),
    "a wrapping folder around classes": (
        "x/pets/a/1.jpg x/pets/b/2.jpg",
        {"train": "a/1.jpg: a, b/2.jpg: b"},
    ),
    "a wrapping folder inside splits, whose names have a word in front": (
        "seg_train/seg_train/a/1.jpg seg_train/seg_train/b/2 seg_test/a/3.jpg",
        {
            "train": "seg_train/seg_train/a/1.jpg: a, seg_train/seg_train/b/2: b",
            "test": "seg_test/a/3.jpg: a",
        },
    ),
    "one class in the validation split, with deeper images": (
        "train/a/1.jpg train/b/2.jpg val/a/front/3.jpg val/a/back/4.jpg",
        {
            "train": "train/a/1.jpg: a, train/b/2.jpg: b",
            "validation": "val/a/back/4.jpg: a, val/a/front/3.jpg: a",
        },
    ),
    "two classes that end in train": (
        "steam_train/1.jpg bullet_train/2.jpg",
        {"train": "bullet_train/2.jpg: bullet_train, steam_train/1.jpg: steam_train"},
    ),
    "a class called train": (
        "train/1.jpg car/2.jpg",
        {"train": "car/2.jpg: car, train/1.jpg: train"},
    ),
    "a class called train with deeper images": (
        "train/images/1.jpg car/images/2.jpg",
        {"train": "car/images/2.jpg: car, train/images/1.jpg: train"},
    ),
    "validation alone": (
        "val/a/1.jpg val/b/2.jpg",
        {"validation": "val/a/1.jpg: a, val/b/2.jpg: b"},
    ),
    "other files": (
        "train/a/1.jfif train/a/1.xml train/b/2 train/.c/3.jpg code/run.py data.yaml",
        {"train": "train/a/1.jfif: a, train/b/2: b"},
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("write", [write_tree, write_zip, write_tar])
def test_the_split_and_class_of_each_image(layout, write, tmp_path):
    names, expected = LAYOUTS[layout]
    files = {name: jpeg(number) for number, name in enumerate(names.split())}
    source = open_source(f"folder:{write(tmp_path / 'data', files)}")
    found = {}
    for split in source.splits:
        rows = contents(source.split(split))
        found[split] = ", ".join(f"{id}: {source.class_names[n]}" for id, n, _ in rows)
        for id, _, content in rows:
            assert content in [files[name] for name in files if name.endswith(id)]
    assert found == expected


@pytest.mark.parametrize(
    ("names", "culprit"),
    [
        ("", "no images"),
        ("a/x.txt b/y.txt", "no images"),
        ("a/1.jpg", r"\['a'\]"),
        ("1.jpg 2.jpg", "1.jpg"),
        ("a/1.jpg b/1.jpg z.jpg", "z.jpg"),
        ("train/a/1.jpg train/b/1.jpg val/c/1.jpg", r"validation: c \(1"),
        ("train/a/1.jpg train/b/1.jpg val/1.jpg", "val holds the image 1.jpg"),
        ("train/a/1.jpg val/a/1.jpg validation/a/1.jpg", "validation and val"),
        ("train/a/1.jpg train/b/2.jpg extra/a/3.jpg", "extra"),
        ("train/a/1.jpg train/b/2.jpg extra/3.jpg", "extra"),
        ("train/a/1.jpg train/b/2.jpg cover.jpg", "cover.jpg"),
        ("train/1.jpg valid/2.jpg", "train"),
        ("train/images/1.jpg valid/images/2.jpg", "images"),
        ("train/a/1.jpg train/b/2.jpg train/x.jpg val/a/3.jpg", "x.jpg"),
        ("a/2020/1.jpg a/2021/2.jpg b/2020/3.jpg", "a, b"),
        ("fold1/a/1.jpg fold1/b/2.jpg fold2/a/3.jpg", "fold1"),
    ],
)
def test_a_folder_that_fits_no_layout_is_named(names, culprit, tmp_path, refused):
    path = write_tree(tmp_path / "set", {name: jpeg(1) for name in names.split()})
    path.mkdir(exist_ok=True)
    refused("folder", path, culprit)


def test_a_folder_of_other_files_is_no_class(tmp_path):
    names = {"a/1.jpg": jpeg(1), "b/2.jpg": jpeg(2), "code/Makefile": "all:"}
    source = open_source(f"folder:{write_tree(tmp_path, names)}")
    assert source.class_names == ("a", "b")


def test_the_log_says_which_folder_became_which_split(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    names = ["train/a/1.jpg", "train/b/2.jpg", "train/b/2.json", "Valid/a/3.jpg"]
    path = write_tree(tmp_path, {name: jpeg(1) for name in names})
    open_source(f"folder:{path}")
    assert f"{path}/train is the train split: 2 images in 2 classes" in caplog.text
    assert f"{path}/Valid is the validation split: 1 images in 1 cl" in caplog.text
    assert "1 .json" in caplog.text


@pytest.mark.parametrize(
    ("names", "split"),
    [
        ("train TRAINING train_images trainval train_1", "train"),
        ("valid Val dev val2017", "validation"),
        ("testing test_set", "test"),
        ("steam_train trains contest trainer", None),
    ],
)
def test_the_names_of_splits(names, split):
    assert {split_of(name) for name in names.split()} == {split}
