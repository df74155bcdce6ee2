import contextlib
import dataclasses
import errno
import os
import re
import shutil

import keras
import numpy as np
import pytest

from tests.helpers.networks import make_classifier
from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree
from transfer.features import cache as feature_cache
from transfer.features import extraction as features
from transfer.features import writer as feature_writer
from transfer.features.extraction import extract
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.register import open_source
from zfkeras.errors import RunError, UsageError
from zfkeras.graph.endpoints import endpoints

NUMBER = 6


@pytest.fixture(scope="module")
def classifier():
    return make_classifier(3, ("a", "b"))


@pytest.fixture
def split(tmp_path):
    files = {
        f"{name}/{number}.png": png(noise(10 * label + number, 70, 64))
        for label, name in enumerate(("cat", "dog"))
        for number in range(NUMBER)
    }
    write_tree(tmp_path / "images", files)
    return open_source(f"folder:{tmp_path}/images").split("train")


def extracted(classifier, split, tmp_path, layers=(1, 5), **more):
    options = {"data": "test", "batch_size": 5, "dtype": "float32", **more}
    return extract(classifier, split, layers, tmp_path / "cache", **options)


def never(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("computed once more")

    monkeypatch.setattr(features, "_compute", refuse)


def test_every_layer_is_what_the_network_gives(classifier, split, tmp_path):
    found = extracted(classifier, split, tmp_path)
    assert found.labels.tolist() == [0] * NUMBER + [1] * NUMBER
    assert found.positions.tolist() == list(range(2 * NUMBER))
    keys = [row["key"] for row in split.stream().as_numpy_iterator()]
    prepare = classifier.preprocessing
    crops = [prepare.centre_crop(prepare.square(split.read(key))) for key in keys]
    for layer in (1, 5):
        tensor = endpoints(classifier.model)[layer].tensor
        network = keras.Model(classifier.model.inputs, tensor)
        expected = network.predict_on_batch(np.stack(crops)).reshape(2 * NUMBER, -1)
        assert found.layers[layer].dtype == np.float32
        np.testing.assert_allclose(found.layers[layer], expected, rtol=1e-4, atol=1e-5)


def test_a_second_run_reads_and_new_layers_join(
    classifier, split, tmp_path, monkeypatch
):
    first = extracted(classifier, split, tmp_path)
    more = extracted(classifier, split, tmp_path, layers=(1, 3))
    assert np.array_equal(more.layers[1], first.layers[1])
    never(monkeypatch)
    again = extracted(classifier, split, tmp_path, layers=(1, 3, 5))
    assert again.seconds == 0
    assert np.array_equal(again.layers[3], more.layers[3])
    assert np.array_equal(again.layers[5], first.layers[5])


@pytest.mark.parametrize("change", ["weights", "graph", "data", "images", "dtype"])
def test_whatever_changes_the_features_changes_the_key(
    change, classifier, split, tmp_path, monkeypatch
):
    extracted(classifier, split, tmp_path)
    never(monkeypatch)
    more = {}
    if change == "weights":
        classifier = make_classifier(4, ("a", "b"))
    elif change == "graph":  # previously another pool's padding had the same key
        model = classifier.model

        def otherwise(layer):
            config = layer.get_config()
            if layer.name == "norm1":
                config["bias"] = 3.0
            return type(layer).from_config(config)

        other = keras.models.clone_model(model, clone_function=otherwise)
        other.set_weights(model.get_weights())
        classifier = dataclasses.replace(classifier, model=other)
    elif change == "data":
        more["data"] = "other"
    elif change == "dtype":
        more["dtype"] = "float16"
    else:
        split = split.without([split.names[0]])
    with pytest.raises(AssertionError, match="computed once more"):
        extracted(classifier, split, tmp_path, **more)


@pytest.mark.parametrize("damage", ["cut", "manifest"])
def test_damaged_files_are_named_and_computed_anew(
    damage, classifier, split, tmp_path, caplog
):
    first = extracted(classifier, split, tmp_path)
    expected = np.array(first.layers[5])
    (file,) = (tmp_path / "cache").glob("*/layer5.npy")
    content = bytearray(file.read_bytes())
    if damage == "cut":
        del content[-1:]
    else:
        file.with_suffix(".json").write_text("{")
    del first
    file.write_bytes(content)
    again = extracted(classifier, split, tmp_path)
    assert re.search(r"layer5\.npy is damaged \(.+\); computing it anew", caplog.text)
    assert np.array_equal(again.layers[5], expected)


def dying(monkeypatch, after, save_seconds):
    """Lets runs die after so many batches."""
    original = feature_writer.FeatureWriter.add
    batches = []

    def dies(self, *args):
        if len(batches) == after:
            raise KeyboardInterrupt
        batches.append(args)
        original(self, *args)

    monkeypatch.setattr(feature_writer, "SAVE_SECONDS", save_seconds)
    monkeypatch.setattr(feature_writer.FeatureWriter, "add", dies)


def test_a_run_that_dies_leaves_nothing_that_is_read(
    classifier, split, tmp_path, monkeypatch
):
    dying(monkeypatch, 1, save_seconds=60)
    with pytest.raises(KeyboardInterrupt):
        extracted(classifier, split, tmp_path)
    (folder,) = (tmp_path / "cache").iterdir()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("bad", [None, 2, 11])
@pytest.mark.parametrize("after", [1, 2])
def test_a_run_that_dies_is_gone_on_with(
    after, bad, classifier, split, tmp_path, monkeypatch
):
    # Previously all of the pass was lost.
    if bad is not None:
        with open(split.keys[bad], "wb") as file:
            file.write(b"no image")

    def run(place):
        bad_images = BadImages(2 * NUMBER, 0.5)
        found = extracted(classifier, split, place, bad_images=bad_images)
        return found, bad_images.to_json()

    expected, expected_bad = run(tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        dying(patch, after, save_seconds=0)
        run(tmp_path)
    begun = []
    original = features.evaluation_batches

    def batches(*args, start, **more):
        begun.append(start)
        return original(*args, start=start, **more)

    monkeypatch.setattr(features, "evaluation_batches", batches)
    found, found_bad = run(tmp_path)
    assert begun == [5 * after + (bad == 2)]
    assert found_bad == expected_bad
    for layer in (1, 5):
        assert np.array_equal(found.layers[layer], expected.layers[layer])
    assert np.array_equal(found.labels, expected.labels)
    assert np.array_equal(found.positions, expected.positions)
    (folder,) = (tmp_path / "cache").iterdir()
    assert [path.name for path in folder.iterdir() if path.name[0] == "."] == []


def test_named_layers_are_gone_on_with_in_files_of_their_own(
    split, tmp_path, monkeypatch
):
    names = ("a>b", "a-b", "a.b", "..")  # what TensorFlow takes
    layers = [keras.layers.Conv2D(2, 3, 8, name=names[0])]
    layers += [keras.layers.ReLU(name=name) for name in names[1:]]
    image = maps = keras.Input((56, 56, 3))
    for layer in layers:
        maps = layer(maps)
    model = keras.Model(image, maps)
    classifier = dataclasses.replace(make_classifier(3, ("a", "b")), model=model)
    expected = extracted(classifier, split, tmp_path / "whole", names).layers
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        dying(patch, 2, save_seconds=0)
        extracted(classifier, split, tmp_path, names)
    found = extracted(classifier, split, tmp_path, names).layers
    assert [*found] == [*names]
    for name in names:
        assert np.array_equal(found[name], expected[name])
    assert found["a>b"].min() < 0 <= found["a-b"].min()
    (folder,) = (tmp_path / "cache").iterdir()
    files = {path.name for path in folder.glob("layer-*.npy")}
    assert files == {
        "layer-a%3Eb.npy",
        "layer-a.b.npy",
        "layer-a-b.npy",
        "layer-...npy",
    }


@pytest.mark.parametrize("damaged", [".part.npz", ".part-layer5.npy"])
def test_what_a_dead_run_has_left_damaged_is_begun_anew(
    damaged, classifier, split, tmp_path, monkeypatch
):
    expected = extracted(classifier, split, tmp_path / "whole").layers
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        dying(patch, 2, save_seconds=0)
        extracted(classifier, split, tmp_path)
    (file,) = (tmp_path / "cache").glob(f"*/{damaged}")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    found = extracted(classifier, split, tmp_path).layers
    assert all(np.array_equal(found[layer], expected[layer]) for layer in (1, 5))


@pytest.mark.parametrize("at", range(5))
def test_a_run_that_dies_as_it_finishes_computes_nothing_again(
    at, classifier, split, tmp_path, monkeypatch
):
    expected = extracted(classifier, split, tmp_path / "whole").layers
    replaced = []

    def replace(source, target):
        if not str(target).endswith(".npz"):
            if len(replaced) == at:
                raise KeyboardInterrupt
            replaced.append(target)
        os.rename(source, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(feature_writer, "SAVE_SECONDS", 0)
        patch.setattr(os, "replace", replace)
        extracted(classifier, split, tmp_path)

    def refuse(*args, **kwargs):
        raise AssertionError("computed once more")

    monkeypatch.setattr(feature_writer.FeatureWriter, "add", refuse)
    found = extracted(classifier, split, tmp_path).layers
    assert all(np.array_equal(found[layer], expected[layer]) for layer in (1, 5))


@pytest.mark.parametrize(("save_seconds", "left"), [(0, True), (60, False)])
def test_a_full_disk_leaves_what_can_be_gone_on_with(
    save_seconds, left, classifier, split, tmp_path, monkeypatch
):
    expected = extracted(classifier, split, tmp_path / "whole").layers
    original = feature_writer.FeatureWriter._write

    def full(self, *args):
        if self.next_position:
            raise OSError(errno.ENOSPC, "No space left on device")
        original(self, *args)

    with monkeypatch.context() as patch, pytest.raises(OSError):
        patch.setattr(feature_writer, "SAVE_SECONDS", save_seconds)
        patch.setattr(feature_writer.FeatureWriter, "_write", full)
        extracted(classifier, split, tmp_path)
    (folder,) = (tmp_path / "cache").iterdir()
    assert any(folder.iterdir()) == left
    found = extracted(classifier, split, tmp_path).layers
    assert all(np.array_equal(found[layer], expected[layer]) for layer in (1, 5))


def test_one_who_comes_second_takes_what_the_first_has_computed(
    classifier, split, tmp_path, monkeypatch
):
    # As if another process computed the same while this one waits for its lock.
    @contextlib.contextmanager
    def claimed(store):
        with monkeypatch.context() as patch:
            patch.setattr(feature_cache.FeatureCache, "claimed", original)
            extracted(classifier, split, tmp_path)
        never(monkeypatch)
        with original(store):
            yield

    original = feature_cache.FeatureCache.claimed
    monkeypatch.setattr(feature_cache.FeatureCache, "claimed", claimed)
    assert extracted(classifier, split, tmp_path).seconds == 0


def test_bad_images_are_left_out(classifier, split, tmp_path):
    with open(split.keys[2], "wb") as file:
        file.write(b"no image")
    bad_images = BadImages(2 * NUMBER, 0.5)
    found = extracted(classifier, split, tmp_path, bad_images=bad_images)
    assert bad_images.count == 1
    assert found.positions.tolist() == [0, 1, *range(3, 2 * NUMBER)]
    assert len(found.layers[1]) == len(found.labels) == 2 * NUMBER - 1
    cached = BadImages(2 * NUMBER, 0.5)
    assert extracted(classifier, split, tmp_path, bad_images=cached).seconds == 0
    assert cached.reasons() == bad_images.reasons()
    with pytest.raises(RunError, match="1 of 12 images cannot be read"):
        extracted(classifier, split, tmp_path)


def test_layers_of_other_images_are_computed_anew(classifier, split, tmp_path):
    # Previously layer 1 kept its rows, one off, beside the labels of layer 5.
    broken, content = split.keys[2], split.read(split.keys[2])
    with open(broken, "wb") as file:
        file.write(b"no image")
    bad_images = BadImages(2 * NUMBER, 0.5)
    sampled = extracted(classifier, split, tmp_path, (1,), bad_images=bad_images)
    assert len(sampled.layers[1]) == 2 * NUMBER - 1
    (folder,) = (tmp_path / "cache").iterdir()
    with open(broken, "wb") as file:
        file.write(content)
    # As if the image were none of those whose contents are part of the key.
    (mended := tmp_path / "cache" / "mended").mkdir()
    fresh = extracted(classifier, split, mended, (1, 5))
    (there,) = (mended / "cache").iterdir()
    for path in folder.iterdir():
        if path.name.startswith("layer1"):
            shutil.copy(path, there / path.name)
    found = extracted(classifier, split, mended, (1, 5))
    assert found.seconds > 0
    assert len(found.layers[1]) == len(found.labels) == 2 * NUMBER
    assert np.array_equal(found.layers[5], fresh.layers[5])


def test_what_killed_runs_have_left_is_removed(classifier, split, tmp_path):
    extracted(classifier, split, tmp_path, (1,))
    (folder,) = (tmp_path / "cache").iterdir()
    left = [".part-layer5.npy", ".part-layer7.npy", ".0011aabb.labels.npy"]
    for name in left:
        (folder / name).write_bytes(b"half")
    extracted(classifier, split, tmp_path, (1, 3))
    assert not any((folder / name).exists() for name in left)


def test_what_float16_cannot_hold_stops_the_run(classifier, split, tmp_path):
    loud = make_classifier(3, ("a", "b"))
    kernel = loud.model.get_layer("conv5").kernel
    kernel.assign(kernel * 1e7)
    with pytest.raises(RunError, match="layer 5 .*--feature-dtype float32"):
        extracted(loud, split, tmp_path, dtype="float16")
    assert np.isfinite(extracted(loud, split, tmp_path).layers[5]).all()


def test_a_layer_the_network_lacks(classifier, split, tmp_path):
    # The small network of these tests has no layers 6 and 7.
    with pytest.raises(UsageError, match=r"one of 1, 2, 3, 4, 5 .*Received: 8"):
        extracted(classifier, split, tmp_path, layers=(8,))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("value", [0.0, -0.0, -1.0, "max", "min", "tiny"])
def test_every_finite_value_passes_the_check(dtype, value):
    values = np.ones((3, 4), dtype)
    values[1, 2] = getattr(np.finfo(dtype), value) if isinstance(value, str) else value
    assert features._is_finite(values)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, -np.nan])
def test_infinity_and_nan_do_not(dtype, value):
    values = np.ones((3, 4), dtype)
    values[1, 2] = value
    assert not features._is_finite(values)
