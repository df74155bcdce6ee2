"""Labels are drawn from what onnxruntime answers under one preprocessing."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")

import onnx

from tests.helpers.onnx_models import answers, tiny
from tests.helpers.splits import png, split_of
from zfkeras.conversion import choosing
from zfkeras.conversion.choosing import (
    CANDIDATES,
    DEFAULT,
    choose_preprocessing,
    rate_candidates,
)
from zfkeras.conversion.onnx.reader import read_onnx
from zfkeras.data.register import Source
from zfkeras.data.sources.tfds import imagenet_class_names
from zfkeras.errors import RunError, UsageError

NAMES = ("n00000001 ape", "n00000002 bee", "n00000003 cat", "n00000004 dog", "e")
SIZE, CROP = 34, 30
NUMBER = 240


def photographs():
    """Coloured noise, uint8 (n, SIZE, SIZE, 3)."""
    random = np.random.default_rng(0)
    colours = random.integers(0, 256, (NUMBER, 1, 1, 3))
    noise = random.integers(-60, 60, (NUMBER, SIZE, SIZE, 3))
    return (colours + noise).clip(0, 255).astype(np.uint8)


# The same by hand: largest value, and what is done to crops of RGB.
BY_HAND = {
    "BGR, less Caffe's mean": (128, lambda x: x[..., ::-1] - [104.0, 117.0, 123.0]),
    "RGB, -1 to 1": (1, lambda x: (x - 128.0) / 128),
    "BGR, 0 to 1": (1, lambda x: x[..., ::-1] / 255),
    "RGB, PyTorch's mean and deviation": (
        2,
        lambda x: (x - [123.675, 116.28, 103.53]) / [58.395, 57.12, 57.375],
    ),
}


@pytest.fixture
def graph(tmp_path):
    """Writes a small network of five classes, decisive for inputs of such a range."""

    def graph(largest=128):
        network = tiny(CROP).dense(10, 5)
        kernel = network.weights[-2]
        values = onnx.numpy_helper.to_array(kernel) * (128 / largest)
        kernel.CopyFrom(onnx.numpy_helper.from_array(values, kernel.name))
        return network.add("Softmax", axis=-1).save(tmp_path / "tiny.onnx")

    return graph


def source_under(graph, prepare, class_names=NAMES):
    """Photographs labelled as the network would, were they prepared so."""
    images = photographs()
    crops = prepare(images[:, 2:-2, 2:-2].astype(float)).astype(np.float32)
    model = onnx.load(graph)
    output = model.graph.output[0].name
    probabilities = answers(model, crops.transpose(0, 3, 1, 2), output)
    random = np.random.default_rng(1)
    labels = [random.choice(5, p=p / p.sum()) for p in probabilities.astype(float)]
    split = split_of([png(image) for image in images], labels)
    return Source("pretend:1", class_names, {"train": split})


@pytest.mark.parametrize("name", BY_HAND)
def test_the_preprocessing_that_the_labels_come_from_is_chosen(graph, name):
    largest, prepare = BY_HAND[name]
    path = graph(largest)
    network, _ = read_onnx(path)
    ratings = rate_candidates(network, source_under(path, prepare), NAMES)
    assert ratings[0].candidate.name == name
    assert {rating.candidate for rating in ratings} == {*CANDIDATES}
    entropies = [rating.cross_entropy for rating in ratings]
    assert entropies == sorted(entropies)
    assert {rating.num_images for rating in ratings} == {NUMBER}


def test_few_photographs_of_known_classes_are_enough(graph, monkeypatch):
    monkeypatch.setattr(choosing, "NUM_IMAGES", 100)
    path = graph()
    network, _ = read_onnx(path)
    _, prepare = BY_HAND[DEFAULT.name]
    # Classes match by wnid; the fifth is not known.
    wnids = ("n00000001", "n00000002", "n00000003", "n00000004", "unknown")
    source = source_under(path, prepare, wnids)
    ratings = rate_candidates(network, source, NAMES)
    assert ratings[0].candidate == DEFAULT
    assert 50 < ratings[0].num_images < 100

    source = dataclasses.replace(source, class_names=("u", "v", "w", "x", "y"))
    with pytest.raises(UsageError, match="pretend:1, with classes such as 'u'"):
        rate_candidates(network, source, NAMES)
    labels = np.random.default_rng(2).permutation(source.split("train").labels)
    split = dataclasses.replace(source.split("train"), labels=labels)
    source = dataclasses.replace(source, splits={"train": split}, class_names=NAMES)
    with pytest.raises(RunError, match="none of 12 kinds of preprocessing"):
        rate_candidates(network, source, NAMES)


def test_without_photographs_the_default_is_taken_with_a_warning(tmp_path, caplog):
    record = tmp_path / "candidates.json"
    assert choose_preprocessing(tmp_path / "x.onnx", None, record) is DEFAULT
    assert "nothing has confirmed" in caplog.text
    assert not record.exists()
    settings = DEFAULT.settings()
    assert (settings.channels, settings.scale) == ("bgr", (1, 1, 1))
    assert settings.mean.tolist() == [104, 117, 123]
    assert settings.class_names == imagenet_class_names()
