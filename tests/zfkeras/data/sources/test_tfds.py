import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import miniature_imagenet
from tests.helpers.trees import contents, write_tree
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
        {"image": np.full((8, 8, 3), (i, 0, 0), np.uint8), "label": i // PER_LABEL}
        | {"other": 0.5, **({"file_name": f"{i}.JPEG"} if file_name else {})}
        for i in range(COUNT)
    ]
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
    store("ordered", folder, disable_shuffling=True, file_name=True)
    return folder


@pytest.fixture(autouse=True)
def tfds_data_dir(data_dir, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(data_dir))


@pytest.fixture(scope="module")
def split(data_dir):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFDS_DATA_DIR", str(data_dir))
        return open_source("tfds:plain").split("train")


@pytest.fixture(scope="module")
def rows(split):
    return contents(split)


def test_the_label_feature_names_the_classes_and_wnids_get_their_english_name():
    source = open_source("tfds:plain")
    assert source.class_names == ("n02124075 Egyptian cat", "daisy", "rose")
    assert source.spec == "tfds:plain"
    with pytest.raises(UsageError, match=r"one of \['train'\] for --data tfds:plain"):
        source.split("validation")


def test_examples_are_encoded_files_with_unlike_names(split, rows):
    assert len(rows) == split.num_examples == COUNT
    assert len({name for name, _, _ in rows}) == COUNT
    for _, label, file in rows:
        red = int(tf.io.decode_jpeg(file).numpy()[0, 0, 0])
        # JPEG may be a step or two off.
        assert label * PER_LABEL - 3 <= red <= (label + 1) * PER_LABEL + 3


def test_file_names_are_the_ids_where_the_set_has_them():
    named = contents(open_source("tfds:ordered").split("train"))
    assert {name for name, _, _ in named} == {f"{i}.JPEG" for i in range(COUNT)}


@pytest.mark.parametrize("name", ["plain", "ordered"])
def test_a_seed_alone_fixes_the_order_and_an_epoch_changes_it(name):
    split = open_source(f"tfds:{name}").split("train")
    tf.random.set_seed(1)
    first = contents(split, (0, 1))
    tf.random.set_seed(2)
    # A stream can also be run through twice.
    dataset = split.stream((0, 1))
    assert dataset.cardinality() == COUNT
    for _ in "12":
        ids = [row["id"].decode() for row in dataset.as_numpy_iterator()]
        assert ids == [row[0] for row in first]
    assert contents(split, (0, 2)) != first != contents(split)
    assert sorted(contents(split, (0, 2))) == sorted(first) == sorted(contents(split))
    assert contents(split, (0, 1), start=17) == first[17:]


def test_start_gives_the_tail_of_the_order(split, rows):
    assert contents(split, start=17) == rows[17:]
    assert contents(split, start=COUNT) == []


@pytest.mark.parametrize("seed", [0, 1, 4])
def test_carve_is_disjoint_and_whole(split, rows, seed):
    rest, carved = split.carve(0.2, seed)
    assert (rest.num_examples, carved.num_examples) == (48, 12)
    assert sorted(contents(rest) + contents(carved)) == sorted(rows)
    inner, held = rest.carve(0.5, seed)
    assert sorted(contents(inner, (0, 1)) + contents(held)) == sorted(contents(rest))
    # The end, and another part for another seed.
    assert contents(carved) == {0: rows[48:], 1: rows[36:48], 4: rows[:12]}[seed]


@pytest.mark.parametrize(("first", "end"), [(7, 31), (31, 90), (40, 40)])
def test_a_stretch_is_a_part_of_the_order(split, rows, first, end):
    assert contents(split.stretch(first, end), None, 5) == rows[first:end][5:]
    two = [row for row in rows if row[1] < 2]
    assert contents(split.first_classes(2).stretch(first, end)) == two[first:end]
    rest, _ = split.carve(0.2, seed=2)
    assert contents(rest.stretch(first, end)) == contents(rest)[first:end]


def test_carve_may_leave_nothing(split, rows):
    rest, carved = split.carve(0.0)
    assert carved.num_examples == 0
    assert contents(carved) == contents(carved, (0, 1)) == []
    assert contents(rest) == rows


def test_the_first_classes_are_kept_and_counted(split, rows):
    two = split.first_classes(2)
    assert two.num_examples == 2 * PER_LABEL
    assert contents(two) == [row for row in rows if row[1] < 2]
    rest, carved = two.carve(0.2)
    assert rest.num_examples + carved.num_examples == two.num_examples
    assert sorted(contents(rest, (0, 1)) + contents(carved)) == sorted(contents(two))


@pytest.fixture
def looks(monkeypatch):
    """Counts the looks through a set: the requests for a stream of it."""

    def as_dataset(*args, **kwargs):
        seen.append(kwargs)
        return stream(*args, **kwargs)

    import tensorflow_datasets as tfds

    seen, stream = [], tfds.core.DatasetBuilder.as_dataset
    monkeypatch.setattr(tfds.core.DatasetBuilder, "as_dataset", as_dataset)
    return seen


def test_images_are_left_out_and_counted_without_a_look_through_the_set(
    split, rows, looks
):
    names = [row[0] for row in rows]
    unwanted = [*names[45:51], names[0]]
    nowhere = [
        "a",
        "",
        *(names[0].partition("__")[0] + end for end in ("__99", "__00")),
    ]
    kept = split.without(name.encode() for name in unwanted + nowhere)
    rest, carved = kept.carve(0.2)
    counts = [part.num_examples for part in (kept, rest, carved)]
    assert (counts, looks) == ([COUNT - 7, 44, 9], [])
    # Left out twice, or from a part that does not hold it, an example counts once.
    again = rest.without([names[0].encode(), names[-1].encode()])
    assert again.num_examples == len(contents(again)) == 44
    expected = [row for row in rows if row[0] not in unwanted]
    assert contents(kept) == contents(rest) + contents(carved) == expected
    assert sorted(contents(kept, (0, 1))) == sorted(expected)
    assert contents(kept.stretch(3, 50)) == expected[3:50]
    two = kept.first_classes(2)
    assert contents(two) == [row for row in expected if row[1] < 2]
    assert two.num_examples == len(contents(two))


def test_file_names_are_looked_for_once(looks):
    split = open_source("tfds:ordered").split("train")
    kept = split.without([b"7.JPEG", b"59.JPEG", b"60.JPEG"])
    assert kept.num_examples == COUNT - 2
    assert split.own_ids(split.own_ids([b"7.JPEG", b"59.JPEG"])) == kept.left_out
    assert len(looks) == 2  # by `without` and by the inner `own_ids`
    expected = [f"{i}.JPEG" for i in range(COUNT) if i not in (7, 59)]
    assert [row[0] for row in contents(kept)] == expected


def test_no_part_of_an_ordered_set_is_carved():
    with pytest.raises(UsageError, match="tfds:ordered is kept in order"):
        open_source("tfds:ordered").split("train").carve(0.1)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("imagnet", "did you mean imagenet"),
        ("imagenette/3px", r"but imagenette is \(configurations: \['full-size-v2'"),
        ("a b!", "a b! is no data set"),
        ("coco/2017", r"Received: \['image', "),
        ("glue", r"Received: \['idx', 'label', 'sentence'\]"),
        ("imagenet2012", "ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar"),
    ],
)
def test_what_cannot_be_had_is_one_line(refused, name, wrong):
    refused("tfds", name, wrong)


def test_lacking_and_broken_archives_are_named(monkeypatch, tmp_path, refused):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    manual, page = tmp_path / "downloads" / "manual", "<html>Please log in</html>" * 100
    write_tree(manual, {"ILSVRC2012_img_train.tar": page})
    wrong = f"ILSVRC2012_img_val.tar in the folder {manual} .*docs/imagenet.md"
    refused("tfds", "imagenet2012", wrong)
    write_tree(manual, {"ILSVRC2012_img_val.tar": page})
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
    found = contents(train, (0, 1)) + contents(validation)
    assert {name: wnids[label] for name, label, _ in found if name in shown} == shown
    listed = miniature_imagenet.validation_wnids()
    for name, label, file in found:
        assert tf.io.decode_jpeg(file, channels=3).shape[-1] == 3
        if name.startswith("ILSVRC"):
            number = int(name.removesuffix(".JPEG").rsplit("_", 1)[1])
            assert wnids[label] == listed[number - 1]
