"""tfds:caltech101 and tfds:voc, built by TFDS's own code out of miniatures of the sets.

The one thing that is not TFDS's own is the download, which finds the miniature.
"""

import zipfile

import etils.epath
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tests.helpers.trees import contents, jpeg, write_tar_in_zip, write_tree
from zfkeras.data.published.finding import search
from zfkeras.data.register import open_source
from zfkeras.data.sources.caltech import background_label
from zfkeras.data.sources.voc import CLASS_NAMES

CALTECH = {
    f"101_ObjectCategories/{name}/image_{n:04d}.jpg": jpeg(number + n)
    for number, name in ((0, "BACKGROUND_Google"), (100, "Faces"))
    for n in range(32)
}
OBJECT = """<object><name>{}</name><pose>Left</pose><truncated>0</truncated>
<difficult>{}</difficult><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>6</xmax>
<ymax>6</ymax></bndbox></object>"""
# Image -> its objects, and whether they are difficult.
OBJECTS = {
    "2012_1": [("person", 0), ("dog", 1)],
    "2012_2": [("dog", 1)],
    "2012_3": [("aeroplane", 0), ("tvmonitor", 0), ("tvmonitor", 1)],
    "2012_4": [("cat", 0)],
}
SETS = {"train": ["2012_1", "2012_2", "2012_3"], "val": ["2012_4"], "test": ["2012_5"]}


@pytest.fixture(autouse=True)
def tfds_data_dir(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path_factory.mktemp("tfds")))
    for variable in ("ZFKERAS_DATA", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path_factory.mktemp("empty")))


@pytest.fixture
def downloads(monkeypatch, tmp_path):
    """Sets what every download of TFDS finds."""

    def found(tree):
        monkeypatch.setattr(
            tfds.download.DownloadManager,
            "download_and_extract",
            lambda self, urls: tf.nest.map_structure(lambda url: tree, urls),
        )

    return found


def voc_tree(root):
    devkit = "VOCdevkit/VOC2012"
    files = {f"{devkit}/JPEGImages/2012_{n}.jpg": jpeg(n) for n in range(1, 6)}
    for image, objects in OBJECTS.items():
        files[f"{devkit}/Annotations/{image}.xml"] = (
            "<annotation><size><width>8</width><height>8</height></size>"
            + "".join(OBJECT.format(*thing) for thing in objects)
            + "</annotation>"
        )
    for name, images in SETS.items():
        files[f"{devkit}/ImageSets/Main/{name}.txt"] = "".join(f"{i}\n" for i in images)
    return write_tree(root, files)


def targets_of(image):
    """The same by hand, one object at a time."""
    row = [-1] * 20
    for name, is_difficult in OBJECTS[image]:
        index = CLASS_NAMES.index(name)
        row[index] = 1 if not is_difficult else max(row[index], 0)
    return row


def test_voc_has_targets_in_the_order_of_its_examples(tmp_path, downloads):
    downloads(voc_tree(tmp_path))
    source = open_source("tfds:voc/2012")
    assert source.class_names == CLASS_NAMES
    assert sorted(source.splits) == ["train", "validation"]  # the test has no labels
    train = source.split("train")
    assert train.num_examples == 3
    assert train.targets.dtype == np.int8
    rows = contents(train)
    expected = {f"{image}.jpg": targets_of(image) for image in SETS["train"]}
    by_name = zip([row[0] for row in rows], train.targets.tolist(), strict=True)
    assert dict(by_name) == expected
    labels = {"2012_1.jpg": CLASS_NAMES.index("person"), "2012_2.jpg": -1}
    assert {row[0]: row[1] for row in rows} == {**labels, "2012_3.jpg": 0}
    for name, _, file in rows:
        assert file == jpeg(int(name[5]))
    assert source.split("validation").targets.tolist() == [targets_of("2012_4")]


def test_parts_of_voc_keep_their_targets(tmp_path, downloads):
    downloads(voc_tree(tmp_path))
    train = open_source("tfds:voc/2012").split("train")
    rest, carved = train.carve(1 / 3)
    both = np.concatenate([rest.targets, carved.targets])
    assert sorted(both.tolist()) == sorted(train.targets.tolist())
    assert carved.carve(0.0)[1].targets.shape == (0, 20)
    few = train.first_classes(15)  # to person: no tvmonitor
    assert few.num_examples == 3
    assert np.array_equal(few.targets, train.targets[:, :15])
    # Without its first class, an image's label is the next; without any, -1.
    first = train.first_classes(1)
    assert sorted(row[1] for row in contents(first)) == [-1, -1, 0]
    kept = train.without([b"2012_3.jpg"])
    assert kept.num_examples == 2
    assert [list(t) for t in kept.targets] == [
        targets_of(row[0].removesuffix(".jpg")) for row in contents(kept)
    ]


def test_caltech_101_is_built_from_the_archive_as_published(tmp_path, downloads):
    inside = "caltech-101/101_ObjectCategories.tar.gz"
    archive = write_tar_in_zip(tmp_path / "caltech-101.zip", inside, CALTECH)
    with zipfile.ZipFile(archive) as file:
        file.extractall(tmp_path / "extracted")
    downloads(etils.epath.Path(tmp_path / "extracted"))
    assert search(["caltech101"]) is None
    source = open_source("tfds:caltech101")
    assert search(["caltech101"]) == "tfds:caltech101"  # now that it is prepared
    background = background_label(source.class_names)
    assert source.class_names[background] == "background_google"
    rows = contents(source.split("train")) + contents(source.split("test"))
    assert source.split("train").num_examples == 60
    # Names tell images apart, which the files' alone do not.
    found = {name: (source.class_names[label], file) for name, label, file in rows}
    assert found == {
        name.removeprefix("101_ObjectCategories/").replace(folder, folder.lower()): (
            folder.lower(),
            file,
        )
        for name, file in CALTECH.items()
        for folder in [name.split("/")[1]]
    }
