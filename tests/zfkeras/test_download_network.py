"""zfnet512 from a loopback server: downloaded, converted, prepared, and loaded by name.

The graph is the zoo's, or a small one in its place; the weights are random, since the
published ones are nowhere in the tests.
"""

import json
import logging

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")

import onnx

import zfkeras
from tests.helpers.file_server import serving
from tests.helpers.onnx_models import answers, tiny
from tests.helpers.splits import png
from tests.helpers.trees import write_tree
from zfkeras.conversion.choosing import DEFAULT
from zfkeras.data.published.sets import NETWORKS, Published
from zfkeras.data.sources.tfds import imagenet_class_names
from zfkeras.download import main

NAME = "zfnet512-12.onnx"
CAFFE_MEAN = np.float32([104, 117, 123])


@pytest.fixture
def cache(tmp_path, monkeypatch):
    for variable in ("ZFKERAS_DATA", "XDG_CACHE_HOME", "TFDS_DATA_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    return tmp_path / "XDG_CACHE_HOME" / "zfkeras" / "models"


@pytest.fixture
def serve(tmp_path, cache, monkeypatch):
    """Puts a graph in the place of the published zfnet512."""
    (tmp_path / "served").mkdir()
    with serving(tmp_path / "served") as server:

        def serve(model):
            content = model.SerializeToString()
            (tmp_path / "served" / NAME).write_bytes(content)
            file = server.published(NAME, content)
            monkeypatch.setitem(NETWORKS, "zfnet512", Published("a", "MIT", (file,)))
            return server

        yield serve


def small_graph():
    """A small network of 1,000 classes that is decisive for inputs of -1 to 1."""
    network = tiny().dense(10, 1000)
    kernel = network.weights[-2]
    values = onnx.numpy_helper.to_array(kernel) * 300
    kernel.CopyFrom(onnx.numpy_helper.from_array(values, kernel.name))
    return network.add("Softmax", axis=-1).model()


def coloured(number, size):
    """Coloured noise, uint8 (number, size, size, 3)."""
    random = np.random.default_rng(3)
    colours = random.integers(0, 256, (number, 1, 1, 3))
    noise = random.integers(-60, 60, (number, size, size, 3))
    return (colours + noise).clip(0, 255).astype(np.uint8)


def planes(crops):
    return np.ascontiguousarray(crops.transpose(0, 3, 1, 2), np.float32)


def probabilities(model, crops):
    found = answers(model, planes(crops), model.graph.output[0].name)
    return found.reshape(len(crops), -1)


def test_labelled_photographs_choose_the_preprocessing(
    serve, cache, tmp_path, capsys, caplog
):
    caplog.set_level(logging.INFO)
    model = small_graph()
    serve(model)
    images = coloured(120, 34)  # of which the network reads 30
    crops = (images[:, 2:-2, 2:-2] - np.float32(128)) / 128
    expected = probabilities(model, crops)
    wnids = [name.split()[0] for name in imagenet_class_names()]
    folder = write_tree(
        tmp_path / "labelled",
        {
            f"{wnids[row.argmax()]}/{number}.png": png(images[number])
            for number, row in enumerate(expected)
        },
    )
    assert main(["zfnet512", "--data", f"folder:{folder}"]) == 0
    assert "RGB, -1 to 1" in caplog.text
    assert "nothing has confirmed" not in caplog.text
    assert str(cache / "zfnet512.keras") in capsys.readouterr().out
    record = json.loads((cache / "zfnet512.candidates.json").read_text())
    best = record["candidates"][0]
    assert best["candidate"]["name"] == "RGB, -1 to 1" and best["top1_error"] == 0
    classifier = zfkeras.load("zfnet512")
    assert classifier.class_names == imagenet_class_names()
    found = classifier.predict([*images[:20]])
    assert np.abs(found - expected[:20]).max() < 1e-4


def test_without_photographs_the_usual_preprocessing_is_assumed(
    serve, cache, caplog, capsys
):
    model = small_graph()
    server = serve(model)
    assert main(["zfnet512", "--data", "folder:/nowhere"]) == 2
    assert "/nowhere" in capsys.readouterr().err and server.requests == []
    assert main(["zfnet512"]) == 0
    assert f"{DEFAULT.name} is assumed" in caplog.text
    images = coloured(5, 34)
    blue_first = images[:, 2:-2, 2:-2, ::-1] - CAFFE_MEAN
    found = zfkeras.load("zfnet512").predict([*images])
    assert np.abs(found - probabilities(model, blue_first)).max() < 1e-4
    assert main(["zfnet512"]) == 0  # converted anew, not downloaded again
    assert len(server.requests) == 1
