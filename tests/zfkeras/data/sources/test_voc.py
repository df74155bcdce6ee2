import time

import numpy as np
import pytest

from tests.helpers.trees import contents, jpeg, write_tar, write_tree, write_zip
from zfkeras import evaluate
from zfkeras.data.register import open_source
from zfkeras.data.sources.voc import CLASS_NAMES
from zfkeras.errors import UsageError

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
    for split, name in (
        ("train", "train"),
        ("val", "validation"),
        ("trainval", "trainval"),
    ):
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
    (tmp_path / "VOCtest_06-Nov-2007.tar").unlink()
    assert "test" not in open_source(f"voc2007:{tmp_path}").splits


@pytest.mark.parametrize("below", ["", "VOCdevkit", "VOCdevkit/VOC2012"])
def test_a_folder_at_any_level(tmp_path, below):
    source = open_source(f"voc2012:{write_tree(tmp_path, voc()) / below}")
    assert_voc(source)
    assert list(source.splits) == ["train", "validation", "trainval"]


@pytest.mark.parametrize("name", ["VOCtrainval_11-May-2012.tar", "v.tar.gz", "v.zip"])
def test_an_archive(tmp_path, name):
    write = write_zip if name.endswith("zip") else write_tar
    assert_voc(open_source(f"voc2012:{write(tmp_path / name, voc())}"))


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


def test_2007_has_labelled_test_images(tmp_path):
    source = open_source(f"voc2007:{write_tree(tmp_path, voc(2007, test=True))}")
    assert_voc(source)
    assert source.split("test").targets.tolist() == [targets_of("2012_000002")]


def test_the_only_folder_of_another_name_will_do_in_an_archive(tmp_path):
    files = voc(folder="VOC2012_train_val")
    assert_voc(open_source(f"voc2012:{write_zip(tmp_path / 'v.zip', files)}"))


def test_targets_follow_the_images_wherever_a_split_is_cut(tmp_path):
    trainval = open_source(f"voc2012:{write_tree(tmp_path, voc())}").split("trainval")
    parts = [
        *trainval.carve(0.5),
        trainval.without([b"2012_000002.jpg"]),
        trainval.at(np.array([2, 0])),
    ]
    assert [part.num_examples for part in parts[2:]] == [2, 2]
    for part in parts:
        images = [row[0].removesuffix(".jpg") for row in contents(part)]
        assert part.targets.tolist() == [targets_of(image) for image in images]


def test_the_first_classes_leave_all_images_and_cut_the_targets(tmp_path):
    source = open_source(f"voc2012:{write_tree(tmp_path, voc())}").first_classes(12)
    trainval = source.split("trainval")
    assert source.class_names[-1] == "dog"
    assert trainval.targets.tolist() == [
        targets_of(image)[:12] for image in IMAGES["trainval"]
    ]
    assert [row[1] for row in contents(trainval)] == [11, -1, -1]


MAIN = "VOCdevkit/VOC2012/ImageSets/Main"


def changed(name, content=None, files=None):
    files = dict(voc() if files is None else files)
    del files[name]
    return files if content is None else {**files, name: content}


BAD = [
    (changed(f"{MAIN}/cat_val.txt"), f"no .*{MAIN[18:]}/cat_val.txt; expected VOCtrai"),
    (
        changed(f"{MAIN}/dog_val.txt", files=changed(f"{MAIN}/cat_val.txt")),
        "no .*cat_val.txt and 1 more",
    ),
    (
        changed(f"{MAIN}/cat_val.txt", "2012_000002 2\n"),
        r"cat_val.txt must say IMAGE and 1, 0 or -1 .* Received: '2012_000002 2'\.",
    ),
    (changed(f"{MAIN}/cat_val.txt", "2012_000002\n"), "Received: '2012_000002'"),
    (changed(f"{MAIN}/cat_val.txt", "\n"), "Received: an empty file"),
    (
        changed(f"{MAIN}/cat_val.txt", "2012_000001 1\n"),
        "cat_val.txt lists other images than .*aeroplane_val.txt",
    ),
    (
        changed("VOCdevkit/VOC2012/JPEGImages/2012_000003.jpg"),
        r"no JPEGImages/2012_000003.jpg \(1 of 2 gone\)",
    ),
    ({f"{MAIN}/train.txt": "2012_000001\n"}, "no "),
    ({"photos/1.jpg": jpeg(1)}, "no folder .*ImageSets/Main"),
]


@pytest.mark.parametrize("kind", ["folder", "tar"])
@pytest.mark.parametrize(("files", "message"), BAD)
def test_a_missing_or_wrong_part_is_one_line(tmp_path, files, message, kind):
    path = (
        write_tree(tmp_path / "voc", files)
        if kind == "folder"
        else write_tar(tmp_path / "v.tar", files)
    )
    with pytest.raises(UsageError, match=message) as caught:
        open_source(f"voc2012:{path}")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_other_year_is_an_error(tmp_path):
    path = write_tree(tmp_path, voc())
    with pytest.raises(UsageError, match="is not voc2007.*VOCtrainval_06-Nov-2007.tar"):
        open_source(f"voc2007:{path}")


def test_a_missing_path_says_where_to_get_the_set(tmp_path, capsys):
    gone = tmp_path / "gone"
    assert evaluate.main(["--data", f"voc2012:{gone}"]) == 2
    said = capsys.readouterr().err
    assert f"{gone} does not exist" in said and "zfkeras.download voc2012 " in said
    assert len(said.splitlines()) == 1


@pytest.mark.data
def test_photographs_in_the_official_layout(photographs):
    begin = time.perf_counter()
    source = open_source(f"voc2012:{photographs}/voc2012-subset.zip")
    assert time.perf_counter() - begin < 5  # a fifth of a second; not a tenfold
    trainval = source.split("trainval")
    assert trainval.targets.shape == (1600, 20)
    present = dict(zip(CLASS_NAMES, (trainval.targets == 1).sum(axis=0), strict=True))
    assert present["person"] == 377 and present["aeroplane"] == 0
    assert [source.split(n).num_examples for n in ("train", "validation")] == [800, 800]
    assert trainval.read(trainval.keys[0]).startswith(b"\xff\xd8")
