"""The network in the box, on real photographs."""

import zipfile

import keras
import numpy as np
import pytest

import zfkeras


@pytest.fixture(scope="module")
def quarter():
    return zfkeras.load("quarter")


def test_it_knows_the_classes_of_tiny_imagenet(quarter):
    assert len(quarter.class_names) == 200
    assert "n02124075 Egyptian cat" in quarter.class_names
    assert quarter.preprocessing.image_size == 64
    assert quarter.model.input_shape == (None, 56, 56, 3)


def test_a_new_network_can_take_its_weights(quarter):
    model = zfkeras.ZFNet(200, variant="zfnet_quarter", weights="tiny_imagenet")
    for new, trained in zip(model.weights, quarter.model.weights, strict=True):
        assert np.array_equal(new.numpy(), trained.numpy())


def test_its_weights_say_which_network_it_is(quarter):
    model = zfkeras.ZFNet(weights="quarter")
    assert model.output_shape == (None, 200)
    crops = np.random.default_rng(0).normal(0, 1, (2, 56, 56, 3)).astype(np.float32)
    np.testing.assert_array_equal(
        model.predict_on_batch(crops), quarter.model.predict_on_batch(crops)
    )


def test_without_the_top_it_ends_with_the_maps_of_pool5_at_any_size(quarter):
    crops = np.random.default_rng(0).normal(0, 1, (2, 56, 56, 3)).astype(np.float32)
    body = zfkeras.ZFNet(weights="quarter", include_top=False)
    pool5 = zfkeras.endpoints(quarter.model)[5].tensor
    expected = keras.Model(quarter.model.inputs, pool5).predict_on_batch(crops)
    np.testing.assert_array_equal(body.predict_on_batch(crops), expected)
    larger = zfkeras.ZFNet(
        input_shape=(80, 112, 3), weights="quarter", include_top=False
    )
    assert larger.output_shape == (None, 4, 6, 128)
    assert larger.count_params() == body.count_params()


def test_weights_of_another_shape_are_refused():
    for options in ({"num_classes": 5}, {"input_shape": (80, 80, 3)}):
        with pytest.raises(zfkeras.UsageError) as caught:
            zfkeras.ZFNet(weights="quarter", **options)
        assert caught.value.argument == "weights"
    with pytest.raises(zfkeras.UsageError) as caught:
        zfkeras.ZFNet(variant="alexnet", weights="quarter", include_top=False)
    assert caught.value.argument == "weights"


@pytest.mark.data
def test_it_recognises_photographs_at_their_own_size(quarter, photographs):
    outputs = {name.split(" ")[0]: n for n, name in enumerate(quarter.class_names)}
    with zipfile.ZipFile(photographs / "imagenet-photographs.zip") as archive:
        files = {
            name: archive.read(name)
            for name in archive.namelist()
            if name.rpartition("/")[2].split("_")[0] in outputs
        }
    labels = [outputs[name.rpartition("/")[2].split("_")[0]] for name in files]
    assert len(labels) >= 60
    probabilities = quarter.predict(files.values())
    top5 = np.argsort(-probabilities, axis=1)[:, :5]
    hits = (top5 == np.array(labels)[:, None]).any(axis=1).mean()
    assert hits > 0.5  # chance is 0.025
