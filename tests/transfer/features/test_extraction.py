import contextlib
import dataclasses
import shutil

import keras
import numpy as np
import pytest

from tests.helpers.networks import make_classifier
from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree
from transfer.features import extraction
from transfer.features.cache import fingerprint
from transfer.features.extraction import extract
from transfer.features.known_network import KnownNetwork
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.register import open_source
from zfkeras.errors import RunError
from zfkeras.graph.endpoints import endpoints
from zfkeras.passes import sharded

NUMBER = 12
BATCH, SHARD = 2, 4
FILES = {"layer-conv.npy", "layer-relu.npy"}


@pytest.fixture
def split(tmp_path):
    files = {
        f"{'cat' if number < NUMBER / 2 else 'dog'}/{number:02}.png": png(
            noise(number, 70, 64)
        )
        for number in range(NUMBER)
    }
    write_tree(tmp_path / "images", files)
    return open_source(f"folder:{tmp_path}/images").split("train")


@pytest.fixture(scope="module")
def tiny(classifier):
    """A network that compiles quickly."""
    layers = [keras.layers.Conv2D(2, 3, 8, name="conv"), keras.layers.ReLU(name="relu")]
    model = keras.Sequential([keras.Input((56, 56, 3)), *layers])
    return dataclasses.replace(classifier, model=model)


@pytest.fixture
def extracted(tiny, split, tmp_path):
    """Extracts features of the split, of which half may be bad."""

    def run(layers=("conv", "relu"), cache="cache", network=tiny, **more):
        options = {"data": "test", "dtype": "float32", **more}
        options.setdefault("bad_images", BadImages(NUMBER, 0.5))
        sizes = {"batch_size": BATCH, "shard_size": SHARD}
        return extract(network, split, layers, tmp_path / cache, **sizes, **options)

    return run


@pytest.fixture
def begun(monkeypatch):
    """The places at which passes over images begin; they end at the place `dies_at`."""
    original, places = sharded.evaluation_batches, []

    def batches(*args, start, **more):
        places.append(start)
        for batch in original(*args, start=start, **more):
            if batch["position"][0] >= dies_at[0]:
                raise KeyboardInterrupt
            yield batch

    dies_at = [NUMBER]
    monkeypatch.setattr(sharded, "evaluation_batches", batches)
    places_and_death = dataclasses.make_dataclass("Begun", ["places", "dies_at"])
    return places_and_death(places, dies_at)


def spoil(split, *places):
    for place in places:
        with open(split.keys[place], "wb") as file:
            file.write(b"no image")


def assert_same(found, expected):
    assert found.layers.keys() == expected.layers.keys()
    for layer in found.layers:
        assert np.array_equal(found.layers[layer], expected.layers[layer])
    assert np.array_equal(found.labels, expected.labels)
    assert np.array_equal(found.positions, expected.positions)


def folder_of(tmp_path, cache="cache"):
    (folder,) = (tmp_path / cache).iterdir()
    return folder


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_features_are_what_the_network_gives(classifier, split, extracted, dtype):
    found = extracted((1, 5), network=classifier, dtype=dtype)
    assert found.labels.tolist() == [0] * 6 + [1] * 6
    assert found.positions.tolist() == [*range(NUMBER)]
    prepare = classifier.preprocessing
    squares = [prepare.square(split.read(key)) for key in split.keys]
    crops = np.stack([prepare.centre_crop(square) for square in squares])
    for layer in (1, 5):
        tensor = endpoints(classifier.model)[layer].tensor
        network = keras.Model(classifier.model.inputs, tensor)
        expected = network.predict_on_batch(crops).reshape(NUMBER, -1)
        assert isinstance(found.layers[layer], np.memmap)
        assert found.layers[layer].dtype == dtype
        bound = 1e-4 if dtype == "float32" else 2e-3
        np.testing.assert_allclose(found.layers[layer], expected, bound, bound / 10)


def test_a_second_run_reads_and_new_layers_join(extracted, begun, tmp_path):
    first = extracted(("conv",))
    more = extracted(("conv", "relu"))
    assert begun.places == [0, 0]
    assert np.array_equal(first.layers["conv"], more.layers["conv"])
    again = extracted()
    assert begun.places == [0, 0] and again.seconds == 0
    assert_same(again, more)
    assert {path.name for path in folder_of(tmp_path).iterdir()} == FILES


def test_layers_have_files_of_their_own_whatever_their_names(extracted, classifier):
    names = ("a>b", "a-b", "a.b", "..")  # TensorFlow takes them
    layers = [keras.layers.Conv2D(2, 3, 8, name=names[0])]
    layers += [keras.layers.ReLU(name=name) for name in names[1:]]
    model = keras.Sequential([keras.Input((56, 56, 3)), *layers])
    found = extracted(names, network=dataclasses.replace(classifier, model=model))
    assert [*found.layers] == [*names]
    before, after = found.layers["a>b"], found.layers["a-b"]
    assert before.min() < 0 and np.array_equal(np.maximum(before, 0), after)


def test_the_key_tells_apart_what_decides_the_features(classifier, split):
    def otherwise(layer):
        config = layer.get_config()
        if layer.name == "norm1":
            config["bias"] = 3.0
        return type(layer).from_config(config)

    model = keras.models.clone_model(classifier.model, clone_function=otherwise)
    model.set_weights(classifier.model.get_weights())
    digests = [
        KnownNetwork(lambda one=one: one).digest
        for one in (
            classifier,
            make_classifier(4, ("a", "b")),
            dataclasses.replace(classifier, model=model),
        )
    ]
    keys = [fingerprint(digest, split, "test", "float32") for digest in digests]
    keys += [
        fingerprint(digests[0], split, "test", "float16"),
        fingerprint(digests[0], split, "other", "float32"),
        fingerprint(digests[0], split.without([split.names[0]]), "test", "float32"),
    ]
    assert len({*keys}) == len(keys)
    assert keys[0] == fingerprint(digests[0], split, "test", "float32")


@pytest.mark.parametrize("length", [-1, 300, 0])
def test_a_damaged_file_is_named_and_computed_anew(extracted, length, tmp_path, caplog):
    first = extracted(cache="whole")
    extracted()
    path = folder_of(tmp_path) / "layer-relu.npy"
    content = path.read_bytes()[:length]
    path.unlink()  # a memory map of it may still be open
    path.write_bytes(content)
    assert_same(extracted(), first)
    assert f"{path} is damaged" in caplog.text


@pytest.mark.parametrize("bad", [(), (1,), (3, 4)])
@pytest.mark.parametrize(("dies_at", "again"), [(2, [0]), (8, [8])])
def test_a_run_that_died_is_gone_on_with(
    extracted, begun, split, dies_at, again, bad, tmp_path
):
    spoil(split, *bad)
    expected = extracted(cache="whole")
    begun.dies_at[0] = dies_at
    with pytest.raises(KeyboardInterrupt):
        extracted()
    begun.dies_at[0] = NUMBER
    begun.places.clear()
    bad_images = BadImages(NUMBER, 0.5)
    assert_same(extracted(bad_images=bad_images), expected)
    assert begun.places == again
    assert bad_images.count == len(bad)
    assert {path.name for path in folder_of(tmp_path).iterdir()} == FILES


def test_a_run_that_died_as_it_finished_computes_nothing_again(
    extracted, begun, monkeypatch
):
    expected, original = extracted(cache="whole"), extraction.write_layer

    def write_layer(folder, layer, shards):
        if layer == "relu":
            raise KeyboardInterrupt
        original(folder, layer, shards)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(extraction, "write_layer", write_layer)
        extracted()
    begun.places.clear()
    assert_same(extracted(), expected)
    assert begun.places == []


def test_a_run_that_waited_takes_what_another_has_computed(extracted, monkeypatch):
    @contextlib.contextmanager
    def claimed(folder, wait):
        with monkeypatch.context() as patch:
            patch.setattr(extraction, "claimed", original)
            extracted()  # as another process while this one waits
        with original(folder, wait=wait):
            yield

    original = extraction.claimed
    monkeypatch.setattr(extraction, "claimed", claimed)
    assert extracted().seconds == 0


def test_bad_images_are_left_out_and_named_by_the_cache(extracted, split, tmp_path):
    spoil(split, 2)
    bad_images, cached = BadImages(NUMBER, 0.5), BadImages(NUMBER, 0.5)
    found = extracted(bad_images=bad_images)
    assert found.positions.tolist() == [0, 1, *range(3, NUMBER)]
    assert len(found.layers["conv"]) == len(found.labels) == NUMBER - 1
    assert extracted(bad_images=cached).seconds == 0
    assert cached.reasons() == bad_images.reasons() != {}
    for cache in ("cache", "other"):
        with pytest.raises(RunError, match="1 of 12 images cannot be read"):
            extracted(cache=cache, bad_images=None)
    spoil(split, *range(NUMBER))
    with pytest.raises(RunError, match="no image could be read"):
        extracted(cache="none", bad_images=BadImages(NUMBER, 1))


def test_layers_of_other_images_are_computed_anew(extracted, split, tmp_path):
    # Previously a layer kept its rows, one off, beside the labels of another.
    expected = extracted()
    spoil(split, 2)
    assert len(extracted(("conv",), cache="bad").labels) == NUMBER - 1
    content = png(noise(2, 70, 64))
    with open(split.keys[2], "wb") as file:
        file.write(content)
    # As if the image were none of those whose contents are part of the key.
    file = folder_of(tmp_path, "bad") / "layer-conv.npy"
    (folder_of(tmp_path) / "layer-conv.npy").unlink()
    shutil.copy(file, folder_of(tmp_path))
    found = extracted()
    assert found.seconds > 0
    assert_same(found, expected)


def test_features_that_float16_cannot_hold_stop_the_run(extracted, tiny):
    model = keras.models.clone_model(tiny.model)
    model.set_weights([weight * 1e7 for weight in tiny.model.get_weights()])
    loud = dataclasses.replace(tiny, model=model)
    with pytest.raises(RunError, match="layer conv .*--feature-dtype float32"):
        extracted(network=loud, dtype="float16")
    assert np.isfinite(extracted(network=loud).layers["conv"]).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_check_for_finite_numbers_is_that_of_numpy(dtype):
    info = np.finfo(dtype)
    finite = [0.0, -0.0, -1.0, info.max, info.min, info.tiny, info.smallest_subnormal]
    for value in [*finite, np.inf, -np.inf, np.nan, -np.nan]:
        values = np.ones((3, 4), dtype)
        values[1, 2] = value
        assert extraction._is_finite(values) == np.isfinite(values).all()
