"""Fifteen layouts of small folders: the split and class of each image, by hand."""

import logging

import pytest

from tests.helpers.trees import contents, jpeg, write_tree, write_zip
from zfkeras.data.register import open_source
from zfkeras.data.sources.folder_layout import split_of
from zfkeras.errors import UsageError

# Layout -> files, and what each split must hold: (id, class).
LAYOUTS = {
    "classes": (
        ["cat/1.jpg", "dog/2.jpg"],
        {"train": [("cat/1.jpg", "cat"), ("dog/2.jpg", "dog")]},
    ),
    "train and valid": (
        ["train/cat/1.jpg", "train/dog/2.jpg", "valid/dog/3.jpg"],
        {
            "train": [("train/cat/1.jpg", "cat"), ("train/dog/2.jpg", "dog")],
            "validation": [("valid/dog/3.jpg", "dog")],
        },
    ),
    "train, valid and test": (
        ["train/a/1.jpg", "train/b/2.jpg", "valid/a/3.jpg", "test/b/4.jpg"],
        {
            "train": [("train/a/1.jpg", "a"), ("train/b/2.jpg", "b")],
            "validation": [("valid/a/3.jpg", "a")],
            "test": [("test/b/4.jpg", "b")],
        },
    ),
    "capitals": (
        ["Train/a/1.jpg", "Train/b/2.jpg", "TEST/a/3.jpg"],
        {
            "train": [("Train/a/1.jpg", "a"), ("Train/b/2.jpg", "b")],
            "test": [("TEST/a/3.jpg", "a")],
        },
    ),
    "a wrapping folder": (
        ["pets/train/a/1.jpg", "pets/train/b/2.jpg", "pets/val/a/3.jpg"],
        {
            "train": [("train/a/1.jpg", "a"), ("train/b/2.jpg", "b")],
            "validation": [("val/a/3.jpg", "a")],
        },
    ),
    "a wrapping folder around classes": (
        ["x/pets/a/1.jpg", "x/pets/b/2.jpg"],
        {"train": [("a/1.jpg", "a"), ("b/2.jpg", "b")]},
    ),
    "a wrapping folder inside splits": (
        ["training_set/training_set/a/1.jpg", "training_set/training_set/b/2.jpg"],
        {
            "train": [
                ("training_set/training_set/a/1.jpg", "a"),
                ("training_set/training_set/b/2.jpg", "b"),
            ]
        },
    ),
    "splits with a word in front": (
        ["seg_train/seg_train/a/1.jpg", "seg_train/seg_train/b/2", "seg_test/a/3.jpg"],
        {
            "train": [
                ("seg_train/seg_train/a/1.jpg", "a"),
                ("seg_train/seg_train/b/2", "b"),
            ],
            "test": [("seg_test/a/3.jpg", "a")],
        },
    ),
    "one class in the validation split, with deeper images": (
        ["train/a/1.jpg", "train/b/2.jpg", "val/a/front/3.jpg", "val/a/back/4.jpg"],
        {
            "train": [("train/a/1.jpg", "a"), ("train/b/2.jpg", "b")],
            "validation": [("val/a/back/4.jpg", "a"), ("val/a/front/3.jpg", "a")],
        },
    ),
    "two classes that end in train": (
        ["steam_train/1.jpg", "bullet_train/2.jpg"],
        {
            "train": [
                ("bullet_train/2.jpg", "bullet_train"),
                ("steam_train/1.jpg", "steam_train"),
            ]
        },
    ),
    "a class called train": (
        ["train/1.jpg", "car/2.jpg"],
        {"train": [("car/2.jpg", "car"), ("train/1.jpg", "train")]},
    ),
    "a class called train with deeper images": (
        ["train/images/1.jpg", "car/images/2.jpg"],
        {"train": [("car/images/2.jpg", "car"), ("train/images/1.jpg", "train")]},
    ),
    "deeper images": (
        ["n01/images/n01_1.JPEG", "n02/images/n02_1.JPEG"],
        {"train": [("n01/images/n01_1.JPEG", "n01"), ("n02/images/n02_1.JPEG", "n02")]},
    ),
    "validation alone": (
        ["val/a/1.jpg", "val/b/2.jpg"],
        {"validation": [("val/a/1.jpg", "a"), ("val/b/2.jpg", "b")]},
    ),
    "other files": (
        ["train/a/1.jfif", "train/a/1.xml", "train/b/2", "valid/a/3.avif", "data.yaml"],
        {
            "train": [("train/a/1.jfif", "a"), ("train/b/2", "b")],
            "validation": [("valid/a/3.avif", "a")],
        },
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("write", [write_tree, write_zip])
def test_the_split_and_class_of_each_image(layout, write, tmp_path):
    names, expected = LAYOUTS[layout]
    path = write(tmp_path / "data.zip", {name: jpeg(1) for name in names})
    source = open_source(f"folder:{path}")
    found = {
        split: [
            (name, source.class_names[label])
            for name, label, _ in contents(source.split(split))
        ]
        for split in source.splits
    }
    assert found == expected


@pytest.mark.parametrize(
    ("names", "culprit"),
    [
        (["train/a/1.jpg", "train/b/2.jpg", "extra/a/3.jpg"], "extra"),
        (["train/a/1.jpg", "train/b/2.jpg", "extra/3.jpg"], "extra"),
        (["train/a/1.jpg", "train/b/2.jpg", "cover.jpg"], "cover.jpg"),
        (["train/1.jpg", "valid/2.jpg"], "train"),
        (["train/images/1.jpg", "valid/images/2.jpg"], "images"),
        (["train/a/1.jpg", "train/b/2.jpg", "train/x.jpg", "val/a/3.jpg"], "x.jpg"),
        (["a/2020/1.jpg", "a/2021/2.jpg", "b/2020/3.jpg"], "a, b"),
        (["fold1/a/1.jpg", "fold1/b/2.jpg", "fold2/a/3.jpg"], "fold1"),
        (["train/a/1.jpg", "train/b/2.jpg", "val/a/3", "dev/a/4.jpg"], "dev"),
    ],
)
def test_a_folder_that_fits_no_layout_is_named(names, culprit, tmp_path):
    path = write_tree(tmp_path / "set", {name: jpeg(1) for name in names})
    with pytest.raises(UsageError, match=rf"\b{culprit}\b") as caught:
        open_source(f"folder:{path}")
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_folder_of_other_files_is_no_class(tmp_path):
    names = {"a/1.jpg": jpeg(1), "b/2.jpg": jpeg(2), "code/Makefile": "all:"}
    assert open_source(f"folder:{write_tree(tmp_path, names)}").class_names == (
        "a",
        "b",
    )


def test_the_log_says_which_folder_became_which_split(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    names = ["train/a/1.jpg", "train/b/2.jpg", "train/b/2.json", "Valid/a/3.jpg"]
    path = write_tree(tmp_path, {name: jpeg(1) for name in names})
    open_source(f"folder:{path}")
    assert f"{path}/train is the train split: 2 images in 2 classes" in caplog.text
    assert f"{path}/Valid is the validation split: 1 images in 1 cl" in caplog.text
    assert "1 .json" in caplog.text


@pytest.mark.parametrize(
    ("folder", "split"),
    [
        ("train", "train"),
        ("TRAINING", "train"),
        ("train_images", "train"),
        ("valid", "validation"),
        ("Val", "validation"),
        ("dev", "validation"),
        ("testing", "test"),
        ("trainval", "train"),
        ("val2017", "validation"),
        ("train_1", "train"),
        ("steam_train", None),
        ("test_set", "test"),
        ("trains", None),
        ("contest", None),
        ("trainer", None),
    ],
)
def test_the_names_of_splits(folder, split):
    assert split_of(folder) == split
