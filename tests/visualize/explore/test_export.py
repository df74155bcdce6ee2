"""The page as one file: its engine beside the deconvnet, and what it refuses."""

import base64
import json
import re

import keras
import numpy as np
import pytest

import visualize
import zfkeras
from tests.helpers.browser import see
from visualize.explore.export import export_page, joined_scripts
from visualize.explore.portable import portable
from zfkeras.errors import UsageError
from zfkeras.graph.layer_outputs import compile_outputs
from zfkeras.models.classifier import Classifier

LAYERS = ["conv1", "pool1", "norm1", "conv2", "pool2", "norm2", "conv3", "conv4"]
LAYERS += ["conv5", "pool5", "fc6", "fc7", "predictions"]
# What the page's engine finds, by layer and method, in the order of LAYERS.
COMPUTE = """(() => {
  const { Engine } = modules.engine, { floats, halves } = modules.numbers;
  const { network } = JSON.parse(document.getElementById("network").textContent);
  const layers = network.layers.map((layer) => layer.kernel
    ? { ...layer, kernel: halves(layer.kernel), bias: floats(layer.bias) } : layer);
  const engine = new Engine(layers);
  const input = { height: 56, width: 56, channels: 3, values: floats("INPUT") };
  const kept = engine.run(input);
  const text = (values) => Array.from(values, (one) => one.toPrecision(7)).join(" ");
  return JSON.stringify({
    names: layers.map((layer) => layer.name),
    maps: kept.map((one) => text(one.output.values)),
    projections: UNITS.map(([n, unit, method]) =>
      text(engine.project(kept, n, unit, method).values)),
  });
})()"""


def test_the_network_is_described_layer_by_layer():
    found = portable(zfkeras.load("quarter"))
    kinds = [(one["name"], one["kind"]) for one in found["layers"]]
    assert [name for name, _ in kinds] == LAYERS
    assert [kind for _, kind in kinds[:4]] == ["conv", "pool", "lrn", "conv"]
    conv1 = found["layers"][0]
    kernel = np.frombuffer(base64.b64decode(conv1["kernel"]), "<f2")
    wanted = zfkeras.load("quarter").model.get_layer("conv1").kernel
    assert np.array_equal(kernel.reshape(7, 7, 3, 64), np.asarray(wanted, np.float16))
    assert conv1["padding"] == [2, 2] and conv1["relu"] is True
    assert found["layers"][-1]["softmax"] is True


def test_scripts_are_joined_in_the_order_of_their_imports():
    script = joined_scripts()
    assert not re.search(r"^(import|export) ", script, re.M)
    assert "fetch(" not in script and "</script" not in script
    places = [
        script.index(f"modules.{name} = ") for name in ("engine", "local", "side")
    ]
    assert places == sorted(places)


@pytest.mark.parametrize("extra", ["GlobalAveragePooling2D", "gelu", "branches"])
def test_networks_that_the_engine_does_not_know_are_refused(extra):
    image = keras.Input((12, 12, 3))
    activation = "gelu" if extra == "gelu" else "relu"
    maps = keras.layers.Conv2D(4, 3, activation=activation)(image)
    if extra == "branches":
        maps = keras.layers.Add()([maps, keras.layers.Conv2D(4, 3)(image)])
    pooled = extra == "GlobalAveragePooling2D"
    layer = keras.layers.GlobalAveragePooling2D() if pooled else keras.layers.Flatten()
    model = keras.Model(image, keras.layers.Dense(3, "softmax")(layer(maps)))
    with pytest.raises(UsageError) as caught:
        portable(Classifier.from_keras(model, inputs="0..1"))
    assert caught.value.argument == "--export"


def numbers(text):
    return np.array(text.split(), np.float64)


@pytest.mark.slow
def test_the_engine_equals_the_deconvnet(explorer, tmp_path):
    path = export_page(explorer, tmp_path / "live.html")
    classifier = explorer.network.classifier
    model = classifier.model
    square = explorer.album.find("7").square
    inputs = classifier.preprocessing.centre_crop(square)[None]
    outputs = [model.get_layer(name).output for name in LAYERS]
    outputs = [one[0] if isinstance(one, list | tuple) else one for one in outputs]
    maps = [np.asarray(one[0]) for one in compile_outputs(model, outputs)(inputs)]
    units, wanted = [], []
    for number, values in enumerate(maps):
        *place, channel = np.unravel_index(values.argmax(), values.shape)
        y, x = place or (0, 0)
        for method in ("deconvnet", "guided", "gradient"):
            unit = {"y": int(y), "x": int(x), "channel": int(channel)}
            units.append([number, unit, method])
            deconvnet = visualize.Deconvnet(model, method=method)
            found = deconvnet.project(inputs, LAYERS[number], channel, place or None)
            wanted.append(found[0])
    given = base64.b64encode(inputs[0].astype("<f4").tobytes()).decode()
    code = COMPUTE.replace("INPUT", given).replace("UNITS", json.dumps(units))
    seen = see(path, {"until": "document.querySelector('.tile')"}, {"js": code})
    assert seen["requests"] == seen["console"] == []
    found = json.loads(seen["answers"][0])
    assert found["names"] == LAYERS
    for ours, page in zip(
        [*maps, *wanted], found["maps"] + found["projections"], strict=True
    ):
        size = np.abs(ours).max()
        np.testing.assert_allclose(numbers(page), ours.ravel(), atol=1e-5 * size)


@pytest.mark.slow
def test_the_file_needs_no_server(explorer, tmp_path):
    path = export_page(explorer, tmp_path / "live.html")
    classifier = explorer.network.classifier
    first = explorer.album.page(0, 1)[0]["class_name"].split(" ", 1)[-1]
    best = classifier.predict(explorer.album.find("0").square)[0].max()
    pictures = "[...document.querySelectorAll('.pictures img')]"
    seen = see(
        path,
        {"until": "document.querySelectorAll('.tile').length > 40"},
        {"js": "document.getElementById('name').textContent"},
        {"js": "document.querySelector('#classes .share').textContent"},
        {"js": "document.querySelector('.strip:nth-child(5) .tile').click(); null"},
        {"until": f"{pictures}.length == 4 && {pictures}.every((i) => i.naturalWidth)"},
        {"until": "document.querySelectorAll('.shares button').length == 8"},
        {"js": "document.querySelectorAll('.part').length"},
        {"js": "document.getElementById('photo').click(); null"},
        {"until": "document.querySelectorAll('#unit .row button').length > 5"},
        {
            "js": "document.getElementById('change-turn').value = 90;"
            "document.getElementById('change-turn').dispatchEvent(new Event('input'));"
            "null"
        },
        {"until": "location.hash.includes('turn')"},
        {"js": "document.querySelectorAll('#gallery button')[1].click(); null"},
        {"until": f"document.getElementById('name').textContent != '{first}'"},
    )
    assert seen["requests"] == seen["console"] == []
    name, share, parts = [one for one in seen["answers"] if one is not None]
    assert name == first and parts == 1
    # The file holds JPEGs of the photographs, and the browser has its own decoder.
    assert abs(float(share.removesuffix(" %")) - 100 * best) < 5
