"""The network in the box, on real photographs."""

import zipfile

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
