import numpy as np
import pytest

from tests.helpers.trees import contents, jpeg, write_tar, write_tree, write_zip
from zfkeras.data.register import open_source
from zfkeras.data.sources.voc import CLASS_NAMES

IMAGES = {"train": ["2012_000001", "2012_000003"], "val": ["2012_000002"]}
IMAGES["trainval"] = sorted(IMAGES["train"] + IMAGES["val"])
# Image -> class -> its flag; classes not named are absent.
FLAGS = {
    "2012_000001": {"dog": 1, "person": 1, "bicycle": 0},
    "2012_000002": {"chair": 0},
    "2012_000003": {"tvmonitor": 1},
}
LABELS = {
    "2012_000001": CLASS_NAMES.index("dog"),
    "2012_000002": -1,
    "2012_000003": CLASS_NAMES.index("tvmonitor"),
}
NAMES = {"train": "train", "val": "validation", "trainval": "trainval"}


def voc(year=2012, folder=None, test=False):
    root = f"VOCdevkit/{folder or f'VOC{year}'}"
    files = {f"{root}/JPEGImages/{i}.jpg": jpeg(int(i[-1])) for i in FLAGS}
    sets = {**IMAGES, **({"test": IMAGES["val"]} if test else {})}
    for split, images in sets.items():
        main = f"{root}/ImageSets/Main"
        files[f"{main}/{split}.txt"] = "".join(f"{image}\n" for image in images)
        for name in CLASS_NAMES:
            files[f"{main}/{name}_{split}.txt"] = "".join(
                f"{image} {FLAGS[image].get(name, -1):2d}\n" for image in images
            )
    # Lies about in the set as published.
    files[f"{root}/ImageSets/Main/test.txt"] = "2012_000009\n"
    files[f"{root}/ImageSets/Layout/train.txt"] = "2012_000001\n"
    files[f"{root}/Annotations/2012_000001.xml"] = "<annotation/>"
    return files


def targets_of(image):
    return [FLAGS[image].get(name, -1) for name in CLASS_NAMES]


def assert_voc(source):
    assert source.class_names == CLASS_NAMES
    for split, name in NAMES.items():
        found, images = source.split(name), IMAGES[split]
        assert found.targets.dtype == np.int8
        assert found.targets.tolist() == [targets_of(image) for image in images]
        assert contents(found) == [
            (f"{image}.jpg", LABELS[image], jpeg(int(image[-1]))) for image in images
        ]


def test_the_two_archives_of_2007_are_read_as_one(tmp_path):
    # As published: each has the photographs of its own splits.
    files = {"trainval": {}, "test": {}}
    for name, content in voc(2007, test=True).items():
        is_test = "_test." in name or name.endswith("000002.jpg")
        files["test" if is_test else "trainval"][name] = content
    write_tar(tmp_path / "VOCtest_06-Nov-2007.tar", files["test"])
    files["trainval"]["VOCdevkit/VOC2007/JPEGImages/2012_000002.jpg"] = jpeg(2)
    write_tar(tmp_path / "VOCtrainval_06-Nov-2007.tar", files["trainval"])
    source = open_source(f"voc2007:{tmp_path}")
    assert_voc(source)
    assert contents(source.split("test")) == [("2012_000002.jpg", -1, jpeg(2))]
    assert source.split("test").targets.tolist() == [targets_of("2012_000002")]
    (tmp_path / "VOCtest_06-Nov-2007.tar").unlink()
    assert "test" not in open_source(f"voc2007:{tmp_path}").splits


FORMS = {
    "parent": lambda tmp: write_tree(tmp, voc()),
    "devkit": lambda tmp: write_tree(tmp, voc()) / "VOCdevkit",
    "folder": lambda tmp: write_tree(tmp, voc()) / "VOCdevkit/VOC2012",
    "tar": lambda tmp: write_tar(tmp / "VOCtrainval_11-May-2012.tar", voc()),
    "tar.gz": lambda tmp: write_tar(tmp / "v.tar.gz", voc()),
    # An archive's only folder may have another name.
    "zip": lambda tmp: write_zip(tmp / "v.zip", voc(folder="VOC2012_train_val")),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_images(tmp_path, form):
    source = open_source(f"voc2012:{FORMS[form](tmp_path)}")
    assert_voc(source)
    assert list(source.splits) == ["train", "validation", "trainval"]


def test_the_archive_of_both_years_gives_the_one_asked_for(tmp_path):
    other = {
        name.replace("VOC2012", "VOC2007"): content
        for name, content in voc().items()
        if "trainval" not in name
    }
    path = write_tar(tmp_path / "v.tar", {**voc(), **other})
    assert "trainval" in open_source(f"voc2012:{path}").splits
    assert "trainval" not in open_source(f"voc2007:{path}").splits


@pytest.mark.parametrize("missing", ["", "train", "val", "trainval"])
def test_the_whole_has_each_image_once(tmp_path, missing):
    # Previously those of train and validation came again with trainval.
    files = {
        name: content
        for name, content in voc().items()
        if not (missing and name.endswith(f"_{missing}.txt"))
    }
    source = open_source(f"voc2012:{write_tree(tmp_path, files)}")
    assert len(source.splits) == (2 if missing else 3)
    ids = [row["id"].decode() for row in source.whole().stream().as_numpy_iterator()]
    assert sorted(ids) == [f"{image}.jpg" for image in IMAGES["trainval"]]


def test_the_first_classes_leave_all_images_and_cut_the_targets(tmp_path):
    source = open_source(f"voc2012:{write_tree(tmp_path, voc())}").first_classes(12)
    trainval = source.split("trainval")
    assert source.class_names[-1] == "dog"
    assert trainval.targets.tolist() == [
        targets_of(image)[:12] for image in IMAGES["trainval"]
    ]
    assert [row[1] for row in contents(trainval)] == [11, -1, -1]


CAT = "VOCdevkit/VOC2012/ImageSets/Main/cat_val.txt"


@pytest.mark.parametrize(
    ("name", "content", "wrong"),
    [
        (CAT, None, "no .*Main/cat_val.txt"),
        (CAT, "2012_000002 2\n", "cat_val.txt .*'2012_000002 2'"),
        (CAT, "2012_000002\n", "cat_val.txt .*'2012_000002'"),
        (CAT, "\n", "cat_val.txt .*empty"),
        (CAT, "2012_000001 1\n", "cat_val.txt lists .*aeroplane_val.txt"),
        ("VOCdevkit/VOC2012/JPEGImages/2012_000003.jpg", None, "2012_000003.jpg"),
    ],
)
def test_a_missing_or_wrong_part_is_one_line(tmp_path, refused, name, content, wrong):
    files = {**voc(), name: content}
    files = {name: content for name, content in files.items() if content is not None}
    refused("voc2012", write_tree(tmp_path / "voc", files), wrong)
    refused("voc2012", write_tar(tmp_path / "v.tar", files), wrong)


def test_another_set_is_one_line(tmp_path, refused):
    wrong = "ImageSets/Main"
    refused("voc2007", write_tree(tmp_path / "other year", voc()), wrong)
    refused("voc2012", write_tree(tmp_path / "other", {"photos/1.jpg": b""}), wrong)
    refused("voc2012", write_tar(tmp_path / "o.tar", {"photos/1.jpg": b""}), wrong)


@pytest.mark.data
def test_photographs_in_the_official_layout(photographs):
    source = open_source(f"voc2012:{photographs}/voc2012-subset.zip")
    trainval = source.split("trainval")
    assert trainval.targets.shape == (1600, 20)
    present = dict(zip(CLASS_NAMES, (trainval.targets == 1).sum(axis=0), strict=True))
    assert present["person"] == 377 and present["aeroplane"] == 0
    assert [source.split(n).num_examples for n in ("train", "validation")] == [800, 800]
    assert trainval.read(trainval.keys[0]).startswith(b"\xff\xd8")
