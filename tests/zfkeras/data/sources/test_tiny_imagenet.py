import numpy as np
import pytest

from tests.helpers.trees import contents, jpeg, write_tree, write_zip
from zfkeras.data.register import open_source

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
ANNOTATIONS = "val/val_annotations.txt"


def inside(files):
    return {f"tiny-imagenet-200/{name}": content for name, content in files.items()}


def without_level(files):
    return {name.replace("/images/", "/"): content for name, content in files.items()}


@pytest.mark.parametrize("files", [TINY, inside(TINY), without_level(TINY)])
@pytest.mark.parametrize("write", [write_tree, write_zip])
def test_folder_parent_and_zip_give_the_same_labels_and_bytes(tmp_path, files, write):
    source = open_source(f"tiny-imagenet:{write(tmp_path / 'tiny', files)}")
    assert source.class_names == ("n01443537 goldfish", "n02124075 Egyptian cat")
    assert contents(source.split("train")) == TRAIN
    assert contents(source.split("validation")) == VALIDATION


@pytest.mark.parametrize(
    ("name", "content", "wrong"),
    [
        ("wnids.txt", None, "no wnids.txt"),
        ("words.txt", None, "no words.txt"),
        ("words.txt", "n01443537\tgoldfish\n", "n02124075"),
        (ANNOTATIONS, None, f"no {ANNOTATIONS}"),
        (ANNOTATIONS, "\n", r"no val/images/\*.JPEG"),
        (ANNOTATIONS, "val_0.JPEG\tn00000000\n", "'val_0.JPEG n00000000'"),
        (ANNOTATIONS, "val_0.JPEG\n", "'val_0.JPEG'"),
        ("val/images/val_1.JPEG", None, "val_1.JPEG"),
        ("train/n02124075/images/n02124075_0.JPEG", None, "n02124075"),
    ],
)
def test_a_missing_part_is_one_line_that_names_it(
    tmp_path, refused, name, content, wrong
):
    files = {**TINY, name: content}
    files = {name: content for name, content in files.items() if content is not None}
    refused("tiny-imagenet", write_tree(tmp_path / "tiny", files), wrong)
    refused("tiny-imagenet", write_zip(tmp_path / "t.zip", files), wrong)


@pytest.mark.data
def test_the_published_layout_in_its_zip(photographs):
    source = open_source(f"tiny-imagenet:{photographs}/tiny-imagenet-200-subset.zip")
    assert len(source.class_names) == 200
    assert source.class_names == tuple(sorted(source.class_names))
    assert "n02124075 Egyptian cat" in source.class_names
    for name, per_class in (("train", 75), ("validation", 20)):
        split = source.split(name)
        assert np.bincount(split.labels).tolist() == [per_class] * 200
    for image, label, file in contents(source.split("train").carve(0.01)[1])[:200]:
        assert source.class_names[label].startswith(image[:9])
        assert file.startswith(b"\xff\xd8")
