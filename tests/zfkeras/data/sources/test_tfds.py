import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import miniature_imagenet
from tests.helpers.trees import contents, jpeg
from zfkeras.data.register import open_source
from zfkeras.errors import RunError, UsageError

COUNT, PER_LABEL = 60, 20


def store(name, data_dir, disable_shuffling=False, file_name=False):
    """Has TFDS write a set of three classes and four shards."""
    import tensorflow_datasets as tfds

    features = {
        "image": tfds.features.Image(shape=(8, 8, 3), encoding_format="jpeg"),
        "label": tfds.features.ClassLabel(names=["n02124075", "daisy", "rose"]),
        "other": tfds.features.Scalar(tf.float32),
    }
    if file_name:
        features["file_name"] = tfds.features.Text()
    rows = [
        {"image": [[[i, 0, 0]] * 8] * 8, "label": i // PER_LABEL, "other": 0.5}
        | ({"file_name": f"{i}.JPEG"} if file_name else {})
        for i in range(COUNT)
    ]
    for row in rows:
        row["image"] = np.array(row["image"], np.uint8)
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version="1.0.0",
        features=tfds.features.FeaturesDict(features),
        split_datasets={"train": list(enumerate(rows))},
        data_dir=data_dir,
        download_config=tfds.download.DownloadConfig(num_shards=4),
        disable_shuffling=disable_shuffling,
    )


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    store("plain", folder)
    store("named", folder, file_name=True)
    store("ordered", folder, disable_shuffling=True)
    return folder


@pytest.fixture(autouse=True)
def tfds_data_dir(data_dir, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(data_dir))


@pytest.fixture
def split():
    return open_source("tfds:plain").split("train")


def test_the_label_feature_names_the_classes_and_wnids_get_their_english_name():
    source = open_source("tfds:plain")
    assert source.class_names == ("n02124075 Egyptian cat", "daisy", "rose")
    assert source.spec == "tfds:plain"
    with pytest.raises(UsageError, match=r"one of \['train'\] for --data tfds:plain"):
        source.split("validation")


def test_examples_are_encoded_files_with_unlike_names(split):
    rows = contents(split)
    assert len(rows) == split.num_examples == COUNT
    assert len({name for name, _, _ in rows}) == COUNT
    for _, label, file in rows:
        red = int(tf.io.decode_jpeg(file).numpy()[0, 0, 0])
        # JPEG may be a step or two off.
        assert label * PER_LABEL - 3 <= red <= (label + 1) * PER_LABEL + 3


def test_file_names_are_the_ids_where_the_set_has_them():
    rows = contents(open_source("tfds:named").split("train"))
    assert {name for name, _, _ in rows} == {f"{i}.JPEG" for i in range(COUNT)}


@pytest.mark.parametrize("name", ["plain", "ordered"])
def test_a_seed_alone_fixes_the_order_and_an_epoch_changes_it(name):
    split = open_source(f"tfds:{name}").split("train")
    tf.random.set_seed(1)
    first = contents(split, (0, 1))
    tf.random.set_seed(2)
    assert contents(split, (0, 1)) == first
    assert contents(split, (0, 2)) != first
    assert contents(split) != first
    assert sorted(contents(split, (0, 2))) == sorted(first) == sorted(contents(split))


def test_a_stream_can_be_run_through_twice(split):
    dataset = split.stream((0, 1))
    assert dataset.cardinality() == COUNT
    first, again = ([row["id"] for row in dataset.as_numpy_iterator()] for _ in "12")
    assert first == again


@pytest.mark.parametrize("seed", [None, (3, 0)])
def test_start_gives_the_tail_of_the_same_order(split, seed):
    assert contents(split, seed, start=17) == contents(split, seed)[17:]
    assert contents(split, seed, start=COUNT) == []


@pytest.mark.parametrize("seed", [0, 1, 4])
def test_carve_is_disjoint_and_whole(split, seed):
    rest, carved = split.carve(0.2, seed)
    assert (rest.num_examples, carved.num_examples) == (48, 12)
    assert sorted(contents(rest) + contents(carved)) == sorted(contents(split))
    inner, held = rest.carve(0.5, seed)
    assert sorted(contents(inner) + contents(held)) == sorted(contents(rest))
    assert sorted(contents(inner, (0, 1))) == sorted(contents(inner))


def test_carve_takes_the_end_and_another_seed_another_part(split):
    assert contents(split.carve(0.2)[1]) == contents(split)[48:]
    assert contents(split.carve(0.2, seed=4)[1]) == contents(split)[:12]


@pytest.mark.parametrize(("first", "end"), [(0, 60), (7, 31), (31, 90), (40, 40)])
def test_a_stretch_is_a_part_of_the_order(split, first, end):
    rows = contents(split)
    assert contents(split.stretch(first, end)) == rows[first:end]
    assert contents(split.stretch(first, end), None, 5) == rows[first:end][5:]
    two = split.first_classes(2)
    assert contents(two.stretch(first, end)) == contents(two)[first:end]
    rest, _ = split.carve(0.2, seed=2)
    assert contents(rest.stretch(first, end)) == contents(rest)[first:end]


def test_carve_may_leave_nothing(split):
    rest, carved = split.carve(0.0)
    assert carved.num_examples == 0
    assert contents(carved) == contents(carved, (0, 1)) == []
    assert contents(rest) == contents(split)


def test_the_first_classes_are_kept_and_counted(split):
    rows = contents(split)
    two = split.first_classes(2)
    assert two.num_examples == 2 * PER_LABEL
    assert contents(two) == [row for row in rows if row[1] < 2]
    assert sorted(contents(two, (0, 1))) == sorted(contents(two))
    rest, carved = two.carve(0.2)
    assert rest.num_examples + carved.num_examples == two.num_examples
    assert sorted(contents(rest) + contents(carved)) == sorted(contents(two))


def test_no_part_of_an_ordered_set_is_carved():
    with pytest.raises(UsageError, match="tfds:ordered is kept in order"):
        open_source("tfds:ordered").split("train").carve(0.1)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("imagnet", r"tfds:imagnet is no data set .*did you mean imagenet"),
        ("imagenette/3px", r"but imagenette is \(configurations: \['full-size-v2'"),
        ("a b!", r"tfds:a b! is no data set"),
        (
            "zzzzqqqq",
            r"zzzzqqqq is no data set of TensorFlow Datasets; they are listed",
        ),
        ("coco/2017", r"must have an image and a class label .*Received: \['image', "),
        ("glue", r"Received: \['idx', 'label', 'sentence'\]"),
        (
            "imagenet2012",
            r"ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar in the f",
        ),
    ],
)
def test_what_cannot_be_had_is_one_line(name, message):
    with pytest.raises(UsageError, match=message) as caught:
        open_source(f"tfds:{name}")
    assert "\n" not in str(caught.value)


def test_one_lacking_archive_is_named_with_its_folder(data_dir, monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    manual = tmp_path / "downloads" / "manual"
    manual.mkdir(parents=True)
    (manual / "ILSVRC2012_img_train.tar").write_bytes(jpeg(0))
    message = f"needs ILSVRC2012_img_val.tar in the folder {manual} .*docs/imagenet.md"
    with pytest.raises(UsageError, match=message):
        open_source("tfds:imagenet2012")


def test_a_broken_archive_is_a_failed_run(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    manual = tmp_path / "downloads" / "manual"
    manual.mkdir(parents=True)
    for name in ("ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar"):
        (manual / name).write_bytes(b"<html>Please log in</html>" * 100)
    with pytest.raises(RunError, match=r"tfds:imagenet2012 could not be .*ReadError"):
        open_source("tfds:imagenet2012")


@pytest.mark.data
def test_tfds_builds_imagenet_from_its_official_archives(
    photographs, monkeypatch, tmp_path
):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    archive = photographs / "imagenet-photographs.zip"
    shown = miniature_imagenet.build(archive, tmp_path / "downloads" / "manual")
    source = open_source("tfds:imagenet2012")
    assert len(set(source.class_names)) == 1000
    assert "n02124075 Egyptian cat" in source.class_names
    wnids = [name.split()[0] for name in source.class_names]
    assert wnids == sorted(wnids)

    train, validation = source.split("train"), source.split("validation")
    assert train.num_examples == 120
    assert validation.num_examples == miniature_imagenet.NUM_VALIDATION
    rows = contents(train, (0, 1)) + contents(validation)
    assert {name: wnids[label] for name, label, _ in rows if name in shown} == shown
    listed = miniature_imagenet.validation_wnids()
    for name, label, file in rows:
        assert tf.io.decode_jpeg(file, channels=3).shape[-1] == 3
        if name.startswith("ILSVRC"):
            number = int(name.removesuffix(".JPEG").rsplit("_", 1)[1])
            assert wnids[label] == listed[number - 1]
