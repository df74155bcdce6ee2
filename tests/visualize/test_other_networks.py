"""Networks of other people, saved with their preprocessing, through every command."""

import json
from html import unescape

import keras
import numpy as np
import pytest

from tests.helpers.page_reader import PageReader
from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree
from visualize import report
from visualize.deconvnet import rule_sets
from visualize.figures.catalogue import FIGURES
from visualize.figures.evolution.callback import EvolutionCallback
from visualize.figures.features.figure import FEATURES
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.models.classifier import Classifier

NAMES, SIDE = ("bee", "cat", "dog"), 32
MAIN = {key: figure.main for key, figure in {**FIGURES, "features": FEATURES}.items()}


def save(model, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    mean_image = np.full((SIDE, SIDE, 3), 118, np.float32)
    preprocessing = Preprocessing(mean_image, crop_size=SIDE, input_scale=1 / 64)
    Classifier(model, preprocessing, NAMES, {}).save(path)
    return path


def snapshots(folder, build):
    """Saves two networks as the snapshots of a training; returns the last."""
    for epoch in (1, 2):
        keras.utils.set_random_seed(epoch)
        path = folder / "snapshots" / f"epoch-{epoch:03d}.keras"
        model = build()
        save(model, path)
    return model, path


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    tree = {
        f"{split}/{name}/{number}.png": png(noise(number + 9 * i, SIDE, SIDE))
        for split in ("train", "val")
        for i, name in enumerate(NAMES)
        for number in range(3)
    }
    return f"--data=folder:{write_tree(tmp_path_factory.mktemp('images'), tree)}"


def sequential(*layers):
    head = [
        keras.layers.GlobalAveragePooling2D(name="mean"),
        keras.layers.Dense(len(NAMES), activation="softmax", name="predictions"),
    ]
    return keras.Sequential([keras.Input((SIDE, SIDE, 3)), *layers, *head])


def leaky_network():
    return sequential(
        keras.layers.Conv2D(4, 5, 2, name="low"),
        keras.layers.LeakyReLU(name="leaky"),
        keras.layers.Conv2D(6, 3, activation="relu", name="high"),
    )


@pytest.fixture(scope="module")
def leaky(tmp_path_factory):
    return snapshots(tmp_path_factory.mktemp("leaky"), leaky_network)[1]


@pytest.mark.parametrize(
    ("key", "argv"),
    [
        ("features", ["--model={path}", "--layers=high"]),
        ("evolution", ["--run={path.parent}", "--layers=high"]),
        ("filters", ["--model={path}", "--layer=high"]),
    ],
)
def test_a_layer_without_a_rule_is_one_line_in_what_projects(
    refusal, key, argv, data, leaky, tmp_path, monkeypatch
):
    # Before any work.
    monkeypatch.setattr("zfkeras.passes.sharded.evaluation_batches", None)
    said = refusal(MAIN[key], data, *(word.format(path=leaky) for word in argv))
    assert "leaky" in said and "--rules generalised" in said


def transfer_network(is_nested=True, before=None):
    """A base of others and classes of our own: what transfer learning ends in."""
    base = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            keras.layers.Conv2D(6, 3, 2, use_bias=False, name="stem"),
            keras.layers.BatchNormalization(name="stem_norm"),
            keras.layers.ReLU(max_value=6, name="stem_relu"),
            keras.layers.DepthwiseConv2D(3, padding="same", name="depthwise"),
            keras.layers.Conv2D(8, 1, name="project"),
            keras.layers.ReLU(name="out_relu"),
        ],
        name="base",
    )
    head = [
        keras.layers.GlobalAveragePooling2D(name="mean"),
        keras.layers.Dropout(0.2, name="dropout"),
        keras.layers.Dense(len(NAMES), activation="softmax", name="classes"),
    ]
    x = pictures = keras.Input((SIDE, SIDE, 3), name="pictures")
    first = [before or keras.layers.Rescaling(0.5, name="rescaling")]
    for layer in first + ([base] if is_nested else base.layers) + head:
        x = layer(x)
    return keras.Model(pictures, x)


@pytest.fixture(scope="module")
def nested(tmp_path_factory):
    return save(transfer_network(), tmp_path_factory.mktemp("nested") / "model.keras")


@pytest.mark.parametrize(
    ("network", "key", "options", "layers"),
    [
        ("nested", "invariance", "{data} --count=1", ["base.stem", "mean"]),
        ("nested", "correspondence", "--random=2", ["base.out_relu", "mean"]),
        ("nested", "occlusion", "{data} --count=1", ["base.out_relu"]),
        ("nested", "features", "{data} --layers=base --top=2", ["base"]),
        ("nested", "features", "{data} --layers=mean --top=2", ["mean"]),
        ("nested", "filters", "{data}", ["base.stem", "base.project"]),
        ("leaky", "features", "{data} --layers=high --rules=generalised", ["high"]),
        # What projects nothing needs no rules.
        ("leaky", "invariance", "{data} --layers=low,mean --count=1", ["low", "mean"]),
        ("leaky", "correspondence", "--layers=high,mean --random=2", ["high", "mean"]),
    ],
)
def test_a_network_goes_through_every_command(
    run, request, network, key, options, layers, data, tmp_path
):
    argv = options.format(data=data).split()
    path = request.getfixturevalue(network)
    assert run(MAIN[key], f"--model={path}", *argv)[0] == 0
    record = json.loads((tmp_path / "out" / f"{key}.json").read_text("utf-8"))
    found = {
        "invariance": lambda: [*record["transformations"]["scale"]["layers"]],
        "correspondence": lambda: [*record["layers"]],
        "occlusion": lambda: [record["images"][0]["layer"]],
        "features": lambda: [layer["layer_name"] for layer in record["layers"]],
        "filters": lambda: [
            record["networks"][0]["layer"],
            record["networks"][0]["layer_2"]["layer"],
        ],
    }
    assert found[key]() == layers


def flip():
    return keras.layers.RandomFlip(name="flip")


def upsampling():
    return keras.layers.UpSampling2D(name="larger")


@pytest.mark.parametrize(
    ("build", "knows_field", "side"), [(flip, True, 5), (upsampling, False, SIDE)]
)
def test_features_are_shown_above_every_layer_that_has_a_rule(
    run, build, knows_field, side, data, tmp_path
):
    keras.utils.set_random_seed(0)
    conv = keras.layers.Conv2D(4, 5, 2, activation="relu", name="conv")
    path = save(sequential(build(), conv), tmp_path / "model.keras")
    argv = [f"--model={path}", data, "--layers=conv", "--channels=2", "--top=2"]
    assert run(FEATURES.main, *argv)[0] == 0
    text = (tmp_path / "out" / "features.json").read_text("utf-8")
    (record,) = json.loads(text)["layers"]
    assert record["knows_receptive_field"] == knows_field
    assert record["receptive_field"] == [side, side]
    for top in (top for feature in record["features"] for top in feature["top"]):
        y0, x0, y1, x1 = top["box"]
        assert (y1 - y0, x1 - x0) == (side, side)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "layers", "rules"),
    [
        ("VGG16", ["block1_conv1", "block3_pool", "fc2"], "paper"),
        ("ResNet50", ["conv1_relu", "conv3_block1_out", "avg_pool"], "paper"),
        (
            "MobileNetV3Small",
            ["conv_bn", "expanded_conv_project_bn", "expanded_conv_2_add"],
            "generalised",
        ),
    ],
)
def test_keras_applications_go_through_the_report(
    run, name, layers, rules, data, tmp_path
):
    make = getattr(keras.applications, name)
    model, path = snapshots(
        tmp_path,
        lambda: make(weights=None, input_shape=(SIDE, SIDE, 3), classes=len(NAMES)),
    )
    assert_report_takes(run, model, path, data, layers, rules)


def assert_report_takes(run, model, path, data, layers, rules="paper"):
    """Runs the report, which makes every figure, and the callback."""
    folder = path.parent.parent
    argv = [f"--model={path}", data, f"--layers={','.join(layers)}", "--channels=2"]
    argv += ["--batch-size=8", f"--run={folder}", "--quick", f"--rules={rules}"]
    assert run(report.main, *argv)[0] == 0
    html = (folder / "out" / "report.html").read_text("utf-8")
    assert (rule_sets.LABEL in unescape(html)) == (rules != "paper")
    page = PageReader(html)
    assert {*FIGURES} <= {attributes.get("id") for _, attributes in page.elements}
    text = (folder / "out" / "gallery" / "gallery.json").read_text("utf-8")
    record = json.loads(text)
    assert [layer["layer_name"] for layer in record["layers"]] == layers
    assert max(layer["recomputation_error"] for layer in record["layers"]) < 1e-3
    images = np.random.default_rng(0).normal(size=(8, SIDE, SIDE, 3))
    live = EvolutionCallback(images, layers[:2], [1, 2], folder / "live", rules=rules)
    model.compile("sgd", "sparse_categorical_crossentropy")
    labels = np.arange(8) % len(NAMES)
    model.fit(images, labels, epochs=2, callbacks=[live], verbose=0)
    record = json.loads((folder / "live" / "evolution.json").read_text("utf-8"))
    assert record["epochs"] == [1, 2] and [*record["layers"]] == layers[:2]
