import time

import numpy as np
import pytest

from tests.helpers.trees import contents, jpeg, write_tree, write_zip
from zfkeras.data.register import open_source
from zfkeras.errors import UsageError

# wnids.txt is not sorted, and neither is it in the published set.
TINY = {
    "wnids.txt": "n02124075\nn01443537\n",
    "words.txt": "n00001740\tentity\nn01443537\tgoldfish, Carassius auratus\n"
    "n02124075\tEgyptian cat\n",
    "train/n02124075/n02124075_boxes.txt": "n02124075_0.JPEG\t0\t0\t63\t63\n",
    "train/n02124075/images/n02124075_0.JPEG": jpeg(1),
    "train/n01443537/images/n01443537_0.JPEG": jpeg(2),
    "train/n01443537/images/n01443537_1.JPEG": jpeg(3),
    "val/val_annotations.txt": "val_0.JPEG\tn02124075\t0\t32\t44\t62\n"
    "val_1.JPEG\tn01443537\t0\t32\t44\t62\n",
    "val/images/val_0.JPEG": jpeg(4),
    "val/images/val_1.JPEG": jpeg(5),
    "test/images/test_0.JPEG": jpeg(6),
}
TRAIN = [
    ("n01443537_0.JPEG", 0, jpeg(2)),
    ("n01443537_1.JPEG", 0, jpeg(3)),
    ("n02124075_0.JPEG", 1, jpeg(1)),
]
VALIDATION = [("val_0.JPEG", 1, jpeg(4)), ("val_1.JPEG", 0, jpeg(5))]


def inside(files):
    return {f"tiny-imagenet-200/{name}": content for name, content in files.items()}


def without_level(files):
    return {name.replace("/images/", "/"): content for name, content in files.items()}


@pytest.mark.parametrize("files", [TINY, inside(TINY), without_level(TINY)])
@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_folder_parent_and_zip_give_the_same_labels_and_bytes(tmp_path, files, kind):
    path = (
        write_tree(tmp_path, files)
        if kind == "folder"
        else write_zip(tmp_path / "t.zip", files)
    )
    source = open_source(f"tiny-imagenet:{path}")
    assert source.class_names == ("n01443537 goldfish", "n02124075 Egyptian cat")
    assert contents(source.split("train")) == TRAIN
    assert contents(source.split("validation")) == VALIDATION


def test_labels_are_those_of_the_same_classes_as_a_plain_folder(tmp_path):
    root = write_tree(tmp_path, TINY)
    tiny = open_source(f"tiny-imagenet:{root}").split("train")
    plain = open_source(f"folder:{root / 'train'}").split("train")
    assert [row[1:] for row in contents(tiny)] == [row[1:] for row in contents(plain)]


def changed(name, content=None):
    files = dict(TINY)
    del files[name]
    return files if content is None else {**files, name: content}


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a/1.jpg": jpeg(1)}, "is not Tiny ImageNet: no wnids.txt; expected tiny-im"),
        (changed("words.txt"), "no words.txt"),
        (changed("words.txt", "n01443537\tgoldfish\n"), "has no name for n02124075"),
        (changed("val/val_annotations.txt"), "no val/val_annotations.txt"),
        (changed("val/val_annotations.txt", "\n"), r"no val/images/\*.JPEG"),
        (
            changed("val/val_annotations.txt", "val_0.JPEG\tn00000000\n"),
            "Received: 'val_0.JPEG n00000000'",
        ),
        (
            changed("val/val_annotations.txt", "val_0.JPEG\n"),
            "must say FILE, tab, WNID",
        ),
        (changed("val/images/val_1.JPEG"), r"no val/images/val_1.JPEG \(1 images gone"),
        (
            changed("train/n02124075/images/n02124075_0.JPEG"),
            r"no train/n02124075/images/\*.JPEG \(1 classes without images",
        ),
    ],
)
def test_a_missing_part_is_one_line_that_names_it(tmp_path, files, message, kind):
    path = (
        write_tree(tmp_path, files)
        if kind == "folder"
        else write_zip(tmp_path / "t.zip", files)
    )
    with pytest.raises(UsageError, match=message) as caught:
        open_source(f"tiny-imagenet:{path}")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.data
def test_the_published_layout_in_its_zip(photographs):
    begin = time.perf_counter()
    source = open_source(f"tiny-imagenet:{photographs}/tiny-imagenet-200-subset.zip")
    assert time.perf_counter() - begin < 5  # a fifth of a second; not a tenfold
    assert len(source.class_names) == 200
    assert source.class_names == tuple(sorted(source.class_names))
    assert "n02124075 Egyptian cat" in source.class_names
    for name, per_class in (("train", 75), ("validation", 20)):
        split = source.split(name)
        assert np.bincount(split.labels).tolist() == [per_class] * 200
    for image, label, file in contents(source.split("train").carve(0.01)[1])[:200]:
        assert source.class_names[label].startswith(image[:9])
        assert file.startswith(b"\xff\xd8")
