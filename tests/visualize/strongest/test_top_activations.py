import dataclasses

import keras
import numpy as np
import pytest

from tests.helpers.coarse import (
    CROP,
    PLAIN,
    coarse_images,
    coarse_split,
    whole_numbers,
)
from tests.helpers.splits import noise, png, split_of
from tests.helpers.top_reference import all_maps, strongest
from visualize.strongest.kept_scan import KeptScan
from visualize.strongest.top_activations import TopActivations
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.register import open_source
from zfkeras.data.split import ListedSplit
from zfkeras.errors import RunError, UsageError
from zfkeras.models.presets import load

LAYERS = ("conv", "pool", "fc")


@pytest.fixture(scope="module")
def model():
    return whole_numbers()


@pytest.fixture(scope="module")
def finder(model):
    return TopActivations(model, LAYERS, 4, PLAIN)


@pytest.fixture(scope="module")
def whole(finder):
    """What one pass finds, batch by batch."""
    return finder.scan(coarse_split(), batch_size=4)


def rows(found, channel):
    return [
        (float(value), int(image), int(y), int(x))
        for value, image, (y, x) in zip(
            found.values[channel],
            found.images[channel],
            found.positions[channel],
            strict=True,
        )
    ]


def assert_same(first, second):
    assert first.keys() == second.keys()
    for layer in first:
        for field in dataclasses.fields(first[layer]):
            np.testing.assert_array_equal(
                getattr(first[layer], field.name), getattr(second[layer], field.name)
            )


class CountingSplit(ListedSplit):
    """Counts the reads of a split; stops the scan at one of them."""

    def __init__(self, split, stop_at=None):
        def read(key):
            self.reads.append(int(key))
            if int(key) == stop_at:
                raise MemoryError("stopped by the test")
            return split.read(key)

        super().__init__(split.keys, split.labels, split.ids, read)
        object.__setattr__(self, "reads", [])


def test_a_hand_computed_case():
    images = keras.Input((2, 2, 3))
    identity = keras.layers.Conv2D(3, 1, use_bias=False, name="same")
    model = keras.Model(images, identity(images))
    identity.set_weights([np.eye(3, dtype=np.float32).reshape(1, 1, 3, 3)])
    pixels = np.zeros((4, 2, 2, 3), np.uint8)
    pixels[0, 1, 0] = (5, 0, 0)
    pixels[1, 0, 1] = pixels[1, 1, 1] = (9, 0, 0)  # the first of the two counts
    pixels[2, 1, 1] = (5, 7, 0)  # 5 again: image 0 stands before it
    pixels[3, 0, 0] = (1, 0, 0)
    plain = Preprocessing(np.zeros((2, 2, 3), np.float32), 2)
    split = split_of([png(image) for image in pixels], labels=[4, 5, 6, 7])
    found = TopActivations(model, ["same"], 3, plain).scan(split)["same"]
    assert rows(found, 0) == [(9, 1, 0, 1), (5, 0, 1, 0), (5, 2, 1, 1)]
    assert rows(found, 1) == [(7, 2, 1, 1), (0, 0, 0, 0), (0, 1, 0, 0)]
    assert found.labels[0].tolist() == [5, 4, 6]
    assert found.dead.tolist() == [False, False, True]
    assert found.layer_name == "same"


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_all_layers_equal_brute_force_ties_included(model, finder, batch_size):
    found = finder.scan(coarse_split(), batch_size=batch_size)
    assert [*found] == [*LAYERS]
    num_ties = 0
    for layer in LAYERS:
        maps = all_maps(model, layer, coarse_images().astype("f"))
        expected = strongest(maps, 4)
        assert [rows(found[layer], c) for c in range(len(expected))] == expected
        values = found[layer].values
        num_ties += (values[:, 1:] == values[:, :-1]).sum()
    assert num_ties > 10  # so that the rule for ties has been put to the test


def test_fewer_images_than_asked_for_leave_places_empty(finder):
    found = finder.scan(coarse_split(2))["conv"]
    assert (found.images[:, :2] >= 0).all()
    for empty in (found.images, found.labels, found.positions):
        assert (empty[:, 2:] == -1).all()
    assert np.isneginf(found.values[:, 2:]).all()


def test_a_network_in_half_precision_is_scanned():
    keras.config.set_dtype_policy("mixed_bfloat16")
    half = whole_numbers()
    found = TopActivations(half, ["conv"], 3, PLAIN).scan(coarse_split())["conv"]
    assert found.values.dtype == np.float32
    maps = all_maps(half, "conv", coarse_images().astype("f")).astype("f")
    assert [rows(found, c) for c in range(5)] == strongest(maps, 3)


def test_the_shipped_network_equals_brute_force_on_photographs(photographs):
    archive = photographs / "tiny-imagenet-200-subset.zip"
    split = open_source(f"tiny-imagenet:{archive}").split("validation").first_classes(4)
    classifier = load("quarter")
    prep = classifier.preprocessing
    found = TopActivations(classifier, [1, 5]).scan(split, batch_size=50)
    files = [split.read(key) for key in split.keys]
    inputs = np.stack([prep.centre_crop(prep.square(file)) for file in files])
    for layer in (1, 5):
        maps = all_maps(classifier.model, found[layer].layer_name, inputs)
        for channel, expected in enumerate(strongest(maps, 9)):
            got = rows(found[layer], channel)
            # Another batch size rounds otherwise, which may swap near equals.
            values = [row[0] for row in expected]
            np.testing.assert_allclose([r[0] for r in got], values, rtol=1e-4)
            for value, image, y, x in got:
                np.testing.assert_allclose(maps[image, y, x, channel], value, rtol=1e-4)


def test_images_that_are_no_split_are_scanned(finder, whole):
    for images in (
        coarse_images(),
        iter(coarse_images()),
        [*map(png, coarse_images())],
    ):
        found = finder.scan(images, batch_size=4)
        for layer in LAYERS:
            for name in ("values", "images", "positions"):
                wanted = getattr(whole[layer], name)
                np.testing.assert_array_equal(getattr(found[layer], name), wanted)
            assert (found[layer].labels == -1).all()


def test_a_single_image_counts_as_one(finder):
    images = coarse_images(2)
    for image in (images[1], png(images[1])):
        assert_same(finder.scan(image), finder.scan(images[1:]))
    with pytest.raises(TypeError, match="several. Received: images of type int"):
        finder.scan(3)


def test_images_that_are_no_split_have_no_folder(finder, tmp_path):
    with pytest.raises(UsageError) as caught:
        finder.scan(coarse_images(), folder=tmp_path)
    assert caught.value.argument == "folder"
    with pytest.raises(RunError, match="no image to scan"):
        finder.scan([])


@pytest.mark.parametrize(("dies_at", "kept"), [(4, 0), (9, 8), (22, 16)])
def test_a_scan_that_died_goes_on_behind_its_last_whole_shard(
    finder, whole, tmp_path, dies_at, kept, monkeypatch
):
    # A chunk is lost as a whole, and by default one is nearly all of these images.
    monkeypatch.setattr("zfkeras.data.in_graph.loading._LARGEST_CHUNK", 1)
    monkeypatch.setitem(KeptScan.finish.__kwdefaults__, "shard_size", 8)
    with pytest.raises(Exception, match="stopped by the test"):
        finder.scan(
            CountingSplit(coarse_split(), dies_at), batch_size=4, folder=tmp_path
        )
    shards = [*tmp_path.rglob("*.zip")]
    # tf.data reads ahead of what it has handed out.
    assert kept - 8 <= 8 * len(shards) <= kept
    rest = CountingSplit(coarse_split())
    assert_same(finder.scan(rest, batch_size=4, folder=tmp_path), whole)
    assert sorted(rest.reads) == list(range(8 * len(shards), 23))
    assert len([*tmp_path.rglob("*.zip")]) == 1


@pytest.mark.parametrize("count", [1, 4, 30])
def test_shards_are_one_scan_ties_and_all(model, tmp_path, count, monkeypatch):
    finder = TopActivations(model, LAYERS, count, PLAIN)
    whole = finder.scan(coarse_split(), batch_size=4)
    monkeypatch.setitem(KeptScan.finish.__kwdefaults__, "shard_size", 8)
    assert_same(
        finder.scan(coarse_split(), batch_size=4, folder=tmp_path),
        whole,
    )
    # Ties are what is tested: there must be some that cross the shards.
    if count == 4:
        for found in whole.values():
            tied = np.diff(found.values, axis=1) == 0
            assert (tied & (np.diff(found.images // 8, axis=1) > 0)).any()


def test_a_finished_scan_answers_without_reading_an_image(
    model, finder, whole, tmp_path
):
    split = CountingSplit(coarse_split())
    finder.scan(coarse_split(), folder=tmp_path)
    assert_same(finder.scan(split, folder=tmp_path), whole)
    finder = TopActivations(model, ["fc", "conv"], 2, PLAIN)
    fewer = finder.scan(split, folder=tmp_path)
    assert split.reads == []
    for layer in ("fc", "conv"):
        np.testing.assert_array_equal(fewer[layer].images, whole[layer].images[:, :2])


def test_what_another_request_has_found_does_not_serve(model, tmp_path):
    few = coarse_split(5)
    scaled = dataclasses.replace(PLAIN, input_scale=0.5)
    other_images = split_of([png(noise(i, CROP, CROP)) for i in range(5)])
    other_images = dataclasses.replace(other_images, labels=other_images.labels + 1)
    requests = [
        ((model, ["conv"], 4, PLAIN), few, "a"),
        ((whole_numbers(1), ["conv"], 4, PLAIN), few, "a"),
        ((model, ["conv"], 4, PLAIN), few, "b"),
        ((model, ["conv"], 4, scaled), few, "b"),
        ((model, ["conv"], 4, scaled), other_images, "b"),
        ((model, ["conv"], 5, scaled), other_images, "b"),
        ((model, ["fc"], 5, scaled), other_images, "b"),
    ]
    for number, (arguments, images, data) in enumerate(requests):
        split = CountingSplit(images)
        found = TopActivations(*arguments).scan(split, folder=tmp_path, data=data)
        assert len(split.reads) == images.num_examples, number
        assert_same(found, TopActivations(*arguments).scan(images))


def test_a_damaged_result_is_named_and_found_anew(finder, whole, tmp_path, caplog):
    finder.scan(coarse_split(), folder=tmp_path)
    (path,) = tmp_path.rglob("*.zip")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    assert_same(finder.scan(coarse_split(), folder=tmp_path), whole)
    assert f"{path} is damaged" in caplog.text


def test_bad_images_are_left_out_and_remembered(finder, tmp_path):
    files = [png(image) for image in coarse_images(9)]
    files[4] = b"no image"
    split = split_of(files)
    for _ in range(2):  # the second time out of the folder
        tally = BadImages(9, 0.2)
        found = finder.scan(split, folder=tmp_path, bad_images=tally)
        assert 4 not in found["conv"].images
        assert [*tally.to_json()["images"]] == ["image-4"]
    with pytest.raises(RunError, match="1 of 9 images cannot be read"):
        finder.scan(split, folder=tmp_path)
    files[4] = files[3]  # mended, as the message says
    mended = CountingSplit(split)
    finder.scan(mended, folder=tmp_path)
    assert sorted(mended.reads) == list(range(9))


def test_nothing_but_bad_images_is_a_failed_run(finder):
    with pytest.raises(RunError, match="no image to scan"):
        finder.scan(split_of([b"", b""]), bad_images=BadImages(2, 1.0))


def test_an_activation_that_is_not_finite_is_named():
    broken = whole_numbers()
    kernel, bias = broken.get_layer("fc").get_weights()
    bias[3] = np.nan
    broken.get_layer("fc").set_weights([kernel, bias])
    finder = TopActivations(broken, LAYERS, 4, PLAIN)
    with pytest.raises(RunError, match="layer fc channel 3 has an activation that is"):
        finder.scan(coarse_split())


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("layer", (["conv9"], 4, PLAIN)),
        ("layers", ([], 4, PLAIN)),
        ("preprocessing", (["conv"],)),
        ("count", (["conv"], 0, PLAIN)),
        ("model", (["conv"], 4, Preprocessing(PLAIN.mean_image, CROP - 1))),
    ],
)
def test_requests_that_cannot_be_met_are_refused(model, argument, arguments):
    with pytest.raises(UsageError) as caught:
        TopActivations(model, *arguments)
    assert caught.value.argument == argument
