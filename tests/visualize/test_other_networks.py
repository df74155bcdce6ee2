"""Networks of other people, saved with their preprocessing, through every command."""

import importlib
import json

import keras
import numpy as np
import pytest

from tests.helpers.page_reader import PageReader
from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree
from visualize.figures.evolution.callback import EvolutionCallback
from visualize.report.catalogue import FIGURES
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.models.classifier import Classifier

NAMES, SIDE = ("bee", "cat", "dog"), 32


def save(model, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    mean_image = np.full((SIDE, SIDE, 3), 118, np.float32)
    preprocessing = Preprocessing(mean_image, crop_size=SIDE, input_scale=1 / 64)
    Classifier(model, preprocessing, NAMES, {}).save(path)
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    tree = {
        f"{split}/{name}/{number}.png": png(noise(number + 9 * i, SIDE, SIDE))
        for split in ("train", "val")
        for i, name in enumerate(NAMES)
        for number in range(3)
    }
    return f"--data=folder:{write_tree(tmp_path_factory.mktemp('images'), tree)}"


def run(module, *argv):
    return importlib.import_module(f"visualize.{module}").main([*map(str, argv)])


def leaky_network(seed=0):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            keras.layers.Conv2D(4, 5, 2, name="low"),
            keras.layers.LeakyReLU(name="leaky"),
            keras.layers.Conv2D(6, 3, activation="relu", name="high"),
            keras.layers.GlobalAveragePooling2D(name="mean"),
            keras.layers.Dense(len(NAMES), activation="softmax", name="predictions"),
        ]
    )


@pytest.fixture(scope="module")
def leaky_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("leaky")
    for epoch in (1, 2):
        model = leaky_network(epoch)
        save(model, folder / "snapshots" / f"epoch-{epoch:03d}.keras")
    return folder


@pytest.mark.parametrize("module", ["features", "evolution", "filters", "occlusion"])
def test_a_layer_without_a_rule_is_one_line_in_what_projects(
    module, data, leaky_run, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(
        "visualize.strongest.scan.evaluation_batches", None
    )  # before any work
    network = f"--model={leaky_run}/snapshots/epoch-002.keras"
    argv = {
        "features": [network, "--layers=high"],
        "evolution": [f"--run={leaky_run}", "--layers=high"],
        "filters": [network, "--layer=high"],
        "occlusion": [network, "--layer=high", "--count=1", "--patch-stride=7"],
    }[module]
    assert run(module, data, *argv, f"--workdir={tmp_path}") == 2
    lines = capsys.readouterr().err.splitlines()
    errors = [line for line in lines if f"visualize.{module}: error: " in line]
    assert len(errors) == 1
    assert "leaky" in errors[0] and "register_rule" in errors[0]
    assert not any("Traceback" in line for line in lines)
    assert not [*tmp_path.glob("*.json")]


@pytest.mark.parametrize("module", ["invariance", "correspondence"])
def test_what_projects_nothing_needs_no_rules(module, data, leaky_run, tmp_path):
    argv = {
        "invariance": [data, "--count=1", "--layers=low,mean"],
        "correspondence": ["--random=2", "--layers=high,mean"],
    }[module]
    network = f"--model={leaky_run}/snapshots/epoch-002.keras"
    assert run(module, network, *argv, f"--workdir={tmp_path}") == 0
    assert (tmp_path / f"{module}.json").exists()


def transfer_network(is_nested=True, before=None, seed=0):
    """A base of others and classes of our own: what transfer learning ends in."""
    keras.utils.set_random_seed(seed)
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
def nested_file(tmp_path_factory):
    return save(transfer_network(), tmp_path_factory.mktemp("nested") / "model.keras")


@pytest.mark.parametrize(
    ("module", "options", "layers"),
    [
        ("invariance", ["--count=1"], ["base.stem", "mean"]),
        ("correspondence", ["--random=2"], ["base.out_relu", "mean"]),
        ("occlusion", ["--count=1", "--patch-stride=7"], ["base.out_relu"]),
        ("features", ["--layers=base", "--channels=2", "--top=2"], ["base"]),
        ("features", ["--layers=base.stem,mean", "--top=2"], ["base.stem", "mean"]),
        ("filters", ["--channels=2"], ["base.stem", "base.project"]),
    ],
)
def test_a_nested_base_goes_through_every_command(
    module, options, layers, data, nested_file, tmp_path
):
    argv = options if module == "correspondence" else [data, *options]
    assert run(module, f"--model={nested_file}", *argv, f"--workdir={tmp_path}") == 0
    record = json.loads((tmp_path / f"{module}.json").read_text("utf-8"))
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
    assert found[module]() == layers


def flip():
    return keras.layers.RandomFlip(name="flip")


def upsampling():
    return keras.layers.UpSampling2D(name="larger")


@pytest.mark.parametrize(
    ("build", "knows_field", "side"), [(flip, True, 5), (upsampling, False, SIDE)]
)
def test_features_are_shown_above_every_layer_that_has_a_rule(
    build, knows_field, side, data, tmp_path
):
    keras.utils.set_random_seed(0)
    layers = [
        build(),
        keras.layers.Conv2D(4, 5, 2, activation="relu", name="conv"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(len(NAMES), activation="softmax"),
    ]
    model = keras.Sequential([keras.Input((SIDE, SIDE, 3)), *layers])
    path = save(model, tmp_path / "model.keras")
    argv = [f"--model={path}", data, "--layers=conv", "--channels=2", "--top=2"]
    assert run("features", *argv, f"--workdir={tmp_path}") == 0
    record = json.loads((tmp_path / "features.json").read_text("utf-8"))["layers"][0]
    assert record["knows_receptive_field"] == knows_field
    assert record["receptive_field"] == [side, side]
    for feature in record["features"]:
        for top in feature["top"]:
            y0, x0, y1, x1 = top["box"]
            assert (y1 - y0, x1 - x0) == (side, side)


@pytest.mark.slow
@pytest.mark.parametrize("is_nested", [True, False], ids=["nested", "flat"])
@pytest.mark.parametrize("before", [None, flip], ids=["rescaling", "flip"])
def test_networks_of_transfer_learning_go_through_every_command(
    is_nested, before, data, tmp_path
):
    dot = "base." if is_nested else ""
    layers = [*(["base"] if is_nested else []), f"{dot}stem", f"{dot}out_relu", "mean"]
    for epoch in (1, 2):
        model = transfer_network(is_nested, before and before(), epoch)
        save(model, tmp_path / "snapshots" / f"epoch-{epoch:03d}.keras")
    assert_every_command_takes(model, tmp_path, data, layers)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("VGG16", ["block1_conv1", "block3_pool", "fc2"]),
        ("ResNet50", ["conv1_relu", "conv3_block1_out", "avg_pool"]),
    ],
)
def test_keras_applications_go_through_every_command(name, layers, data, tmp_path):
    make = getattr(keras.applications, name)
    for epoch in (1, 2):
        keras.utils.set_random_seed(epoch)
        model = make(weights=None, input_shape=(SIDE, SIDE, 3), classes=len(NAMES))
        save(model, tmp_path / "snapshots" / f"epoch-{epoch:03d}.keras")
    assert_every_command_takes(model, tmp_path, data, layers)


def assert_every_command_takes(model, folder, data, layers):
    """Runs all commands and the callback; snapshots of two epochs are in the folder."""
    path = folder / "snapshots" / "epoch-002.keras"
    few = [f"--model={path}", data, f"--layers={','.join(layers)}"]
    few += ["--channels=2", "--batch-size=8"]
    assert run("features", *few, "--top=2", f"--workdir={folder}/features") == 0
    record = json.loads((folder / "features" / "features.json").read_text("utf-8"))
    assert [layer["layer_name"] for layer in record["layers"]] == layers
    assert max(layer["recomputation_error"] for layer in record["layers"]) < 1e-3
    # The report calls every other command.
    argv = [*few, f"--run={folder}", "--quick", f"--workdir={folder}/report"]
    assert run("report", *argv) == 0
    read = PageReader((folder / "report" / "report.html").read_text("utf-8"))
    ids = {attributes.get("id") for _, attributes in read.elements}
    assert {figure.key for figure in FIGURES} <= ids
    images = np.random.default_rng(0).normal(size=(8, SIDE, SIDE, 3))
    live = EvolutionCallback(images, layers[:2], [1, 2], folder / "live")
    model.compile("sgd", "sparse_categorical_crossentropy")
    labels = np.arange(8) % len(NAMES)
    model.fit(images, labels, epochs=2, callbacks=[live], verbose=0)
    record = json.loads((folder / "live" / "evolution.json").read_text("utf-8"))
    assert record["epochs"] == [1, 2] and [*record["layers"]] == layers[:2]
