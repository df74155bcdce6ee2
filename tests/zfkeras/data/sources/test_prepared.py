import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.helpers.pictures import encoded
from tests.helpers.splits import noise
from zfkeras.data.files.bad_images import BadImage, BadImages
from zfkeras.data.files.decoding import centre_square, decode
from zfkeras.data.pipeline import compute_mean_image, training_batches
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.register import Source, open_source
from zfkeras.data.sources.prepared import preparing
from zfkeras.data.split import ListedSplit
from zfkeras.errors import RunError, UsageError
from zfkeras.prepare import main

SIZE, NUMBER = 32, 11


def picture(number, width=48, height=40):
    """A soft picture, as JPEG keeps it well."""
    coarse = Image.fromarray(noise(number, 5, 6))
    return coarse.resize((width, height), Image.Resampling.BICUBIC)


FILES = [encoded(picture(number), "JPEG", quality=95) for number in range(NUMBER)]
FILES[3] = encoded(picture(3, SIZE, SIZE), "JPEG", quality=50)  # a square already
FILES[4] = encoded(picture(4), "PNG")


def source_of(files=FILES, **more):
    keys = np.arange(len(files)).astype("S")
    split = ListedSplit(
        keys,
        np.arange(len(files)) % 3,
        np.array([b"picture-" + key for key in keys], bytes),
        lambda key: files[int(key)],
        **more,
    )
    return Source("pictures", ("a", "b", "c"), {"train": split, "test": split})


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(preparing, "SHARD_SIZE", 4)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_prepared_squares_are_those_of_the_source_within_what_jpeg_changes(tmp_path):
    preparing.prepare(source_of(), tmp_path, SIZE)
    prepared = open_source(f"prepared:{tmp_path}")
    assert prepared.spec == f"prepared:{tmp_path}"
    assert prepared.class_names == ("a", "b", "c")
    assert [*prepared.splits] == ["train", "test"]
    split = prepared.split("train")
    rows = [*split.stream().as_numpy_iterator()]
    assert [row["label"] for row in rows] == [n % 3 for n in range(NUMBER)]
    assert [row["id"] for row in rows] == [b"picture-%d" % n for n in range(NUMBER)]
    for row, file in zip(rows, FILES, strict=True):
        found = np.asarray(decode(split.read(row["key"])), int)
        expected = centre_square(decode(file, SIZE), SIZE)
        assert found.shape == (SIZE, SIZE, 3)
        assert np.abs(found - expected).mean() < 4
    # No JPEG is made of what is one.
    assert split.read(rows[3]["key"]) == FILES[3]


def test_shards_are_tfrecords_that_tensorflow_reads(tmp_path):
    preparing.prepare(source_of(), tmp_path, SIZE)
    names = json.loads((tmp_path / "about.json").read_text())["splits"]["train"]
    assert names["num_examples"] == NUMBER and len(names["shards"]) == 3
    features = {
        "image/encoded": tf.io.FixedLenFeature([], tf.string),
        "image/class/label": tf.io.FixedLenFeature([], tf.int64),
        "image/filename": tf.io.FixedLenFeature([], tf.string),
    }
    paths = [str(tmp_path / name) for name in names["shards"]]
    split = open_source(f"prepared:{tmp_path}").split("train")
    for number, record in enumerate(tf.data.TFRecordDataset(paths)):
        example = tf.io.parse_single_example(record, features)
        assert example["image/encoded"].numpy() == split.read(split.keys[number])
        assert example["image/class/label"] == number % 3
        assert example["image/filename"] == b"picture-%d" % number


def test_the_mean_image_is_that_of_the_prepared_training_squares(tmp_path):
    prepared = preparing.prepare(source_of(), tmp_path, SIZE)
    split = prepared.split("train")
    squares = [np.asarray(decode(split.read(key)), np.float64) for key in split.keys]
    mean = np.load(tmp_path / "mean_image.npy")
    np.testing.assert_allclose(mean, np.mean(squares, axis=0), rtol=0, atol=1e-4)
    np.testing.assert_array_equal(
        mean, compute_mean_image(split, SIZE, BadImages(NUMBER))
    )


def test_a_rerun_writes_what_is_absent_or_damaged_and_nothing_else(tmp_path):
    preparing.prepare(source_of(), tmp_path, SIZE)
    first = contents(tmp_path)
    read = []
    source = source_of()
    split = source.split("train")
    noting = ListedSplit(
        split.keys,
        split.labels,
        split.ids,
        lambda key: read.append(key) or FILES[int(key)],
    )
    source = Source("pictures", source.class_names, {"train": noting, "test": split})
    (tmp_path / "train-00000-of-00003.tfrecord").unlink()
    damaged = tmp_path / "train-00002-of-00003.tfrecord"
    damaged.write_bytes(damaged.read_bytes()[:-40] + bytes(40))
    (tmp_path / "test-00001-of-00003.index.npz").unlink()
    preparing.prepare(source, tmp_path, SIZE)
    assert sorted(map(int, read)) == [0, 1, 2, 3, 8, 9, 10]
    second = contents(tmp_path)
    assert first.keys() == second.keys()
    # An .npz holds the time at which it was written.
    for name in first:
        assert name.endswith(".npz") or first[name] == second[name]


def test_a_folder_of_other_squares_is_refused(tmp_path):
    preparing.prepare(source_of(), tmp_path, SIZE)
    before = contents(tmp_path)
    with pytest.raises(UsageError) as caught:
        preparing.prepare(source_of(), tmp_path, SIZE // 2)
    assert caught.value.argument == str(tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["about.json", "test-00001-of-00003.tfrecord"])
def test_what_is_not_complete_is_refused(tmp_path, name):
    preparing.prepare(source_of(), tmp_path, SIZE)
    (tmp_path / name).unlink()
    with pytest.raises(UsageError) as caught:
        open_source(f"prepared:{tmp_path}")
    assert caught.value.argument == f"prepared:{tmp_path}"
    preparing.prepare(source_of(), tmp_path, SIZE)
    assert open_source(f"prepared:{tmp_path}").split("test").num_examples == NUMBER


def test_a_run_that_was_stopped_leaves_no_source(tmp_path):
    class Stop(Exception):
        pass

    def read(key):
        if key == b"9":
            raise Stop
        return FILES[int(key)]

    split = source_of().split("train")
    split = ListedSplit(split.keys, split.labels, split.ids, read)
    with pytest.raises(tf.errors.OpError):
        preparing.prepare(
            Source("pictures", ("a", "b", "c"), {"train": split}), tmp_path, SIZE
        )
    assert sorted(path.name for path in tmp_path.glob("*.tfrecord")) == [
        "train-00000-of-00003.tfrecord",
        "train-00001-of-00003.tfrecord",
    ]
    with pytest.raises(UsageError):
        open_source(f"prepared:{tmp_path}")


def test_bad_images_are_left_out_and_named_also_after_a_rerun(tmp_path):
    files = [*FILES]
    files[2], files[6] = b"", FILES[6][:200]
    for _ in range(2):
        prepared = preparing.prepare(source_of(files), tmp_path, SIZE, 0.5)
        about = json.loads((tmp_path / "about.json").read_text())["splits"]["train"]
        assert about["bad_images"]["images"].keys() == {"picture-2", "picture-6"}
        labels = prepared.split("train").labels.tolist()
        assert labels == [n % 3 for n in range(NUMBER) if n not in (2, 6)]
    with pytest.raises(RunError):
        preparing.prepare(source_of(files), tmp_path / "strict", SIZE, 0.1)


def test_classes_of_images_that_show_several_are_kept(tmp_path):
    targets = np.random.default_rng(0).integers(-1, 2, (NUMBER, 3)).astype(np.int8)
    files = [*FILES]
    files[5] = b"no image"
    prepared = preparing.prepare(source_of(files, targets=targets), tmp_path, SIZE, 0.5)
    found = prepared.split("train").targets
    np.testing.assert_array_equal(found, np.delete(targets, 5, axis=0))


def test_a_changed_byte_in_a_shard_makes_a_bad_image(tmp_path):
    prepared = preparing.prepare(source_of(), tmp_path, SIZE)
    split = prepared.split("train")
    offset = int(split.keys[1].split()[1])
    path = tmp_path / "train-00000-of-00003.tfrecord"
    content = bytearray(path.read_bytes())
    content[offset + 300] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadImage):
        split.read(split.keys[1])
    split.read(split.keys[0])


def test_training_takes_an_epoch_up_anywhere(tmp_path):
    split = preparing.prepare(source_of(), tmp_path, SIZE).split("train")
    preprocessing = Preprocessing(np.zeros((SIZE, SIZE, 3)), 24)

    def batches(start=0):
        return [
            *training_batches(
                split,
                preprocessing,
                2,
                seed=1,
                epoch=3,
                start=start,
                bad_images=BadImages(NUMBER),
            ).as_numpy_iterator()
        ]

    whole, rest = batches(), batches(start=4)
    assert len(whole) == 5 and len(rest) == 3
    for one, other in zip(whole[2:], rest, strict=True):
        for key in one:
            np.testing.assert_array_equal(one[key], other[key])


def test_the_command_prepares_and_tells_how_to_use_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(preparing, "SHARD_SIZE", 400)
    data, out = "shapes:16:60", tmp_path / "out"
    assert main(["--data", data, "--size", "16", str(out)]) == 0
    assert f"--data prepared:{out}" in capsys.readouterr().out
    shapes, prepared = open_source(data), open_source(f"prepared:{out}")
    assert prepared.class_names == shapes.class_names
    assert {name: split.num_examples for name, split in prepared.splits.items()} == {
        name: split.num_examples for name, split in shapes.splits.items()
    }
