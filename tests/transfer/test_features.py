import os
import shutil

import numpy as np
import pytest

from tests.helpers.networks import make_classifier
from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree
from transfer import feature_cache, features
from transfer.features import extract
from zfkeras.data.bad_images import BadImages
from zfkeras.data.sources import open_source
from zfkeras.errors import RunError, UsageError
from zfkeras.models.endpoints import endpoints

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
    import keras

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


@pytest.mark.parametrize("change", ["weights", "data", "images", "dtype"])
def test_whatever_changes_the_features_changes_the_key(
    change, classifier, split, tmp_path, monkeypatch
):
    extracted(classifier, split, tmp_path)
    never(monkeypatch)
    more = {}
    if change == "weights":
        classifier = make_classifier(4, ("a", "b"))
    elif change == "data":
        more["data"] = "other"
    elif change == "dtype":
        more["dtype"] = "float16"
    else:
        split = split.without([split.names[0]])
    with pytest.raises(AssertionError, match="computed once more"):
        extracted(classifier, split, tmp_path, **more)


@pytest.mark.parametrize("damage", ["flipped", "cut", "manifest"])
def test_damaged_files_are_named_and_computed_anew(
    damage, classifier, split, tmp_path, caplog
):
    first = extracted(classifier, split, tmp_path)
    expected = np.array(first.layers[5])
    (file,) = (tmp_path / "cache").glob("*/layer5.npy")
    content = bytearray(file.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 1
    elif damage == "cut":
        del content[-1:]
    else:
        file.with_suffix(".json").write_text("{")
    del first
    file.write_bytes(content)
    again = extracted(classifier, split, tmp_path)
    assert "is damaged; computing it anew" in caplog.text
    assert np.array_equal(again.layers[5], expected)


def test_a_run_that_dies_leaves_nothing_that_is_read(
    classifier, split, tmp_path, monkeypatch
):
    original = feature_cache.Writer.add

    def dies(self, *args):
        if self._count:
            raise KeyboardInterrupt
        original(self, *args)

    monkeypatch.setattr(feature_cache.Writer, "add", dies)
    with pytest.raises(KeyboardInterrupt):
        extracted(classifier, split, tmp_path)
    (folder,) = (tmp_path / "cache").iterdir()
    assert list(folder.iterdir()) == []


def test_bad_images_are_left_out(classifier, split, tmp_path):
    with open(split.keys[2], "wb") as file:
        file.write(b"no image")
    bad_images = BadImages(2 * NUMBER, 0.5)
    found = extracted(classifier, split, tmp_path, bad_images=bad_images)
    assert bad_images.count == 1
    assert found.positions.tolist() == [0, 1, *range(3, 2 * NUMBER)]
    assert len(found.layers[1]) == len(found.labels) == 2 * NUMBER - 1


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


def test_what_a_killed_run_has_left_is_removed_in_time(classifier, split, tmp_path):
    extracted(classifier, split, tmp_path, (1,))
    (folder,) = (tmp_path / "cache").iterdir()
    left, written_to = folder / ".layer5.npy.0011aabb", folder / ".layer5.npy.22"
    for path in (left, written_to):
        path.write_bytes(b"half")
    os.utime(left, (0, 0))
    extracted(classifier, split, tmp_path, (1, 3))
    assert not left.exists() and written_to.exists()


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
