"""A plain folder of images, one sub-folder a class, through every command."""

import importlib
import json
import logging

import keras
import numpy as np
import pytest

import zfkeras
from tests.helpers.page_reader import PageReader
from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree
from visualize import report
from visualize.figures.catalogue import FIGURES

NAMES, SIDE = ("bee", "cat", "dog"), 32


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    tree = {
        f"images/{name}/{number}.png": png(noise(number + 9 * i, SIDE, SIDE))
        for i, name in enumerate(NAMES)
        for number in range(3)
    }
    root = write_tree(tmp_path_factory.mktemp("undivided"), tree)
    for epoch in (1, 2):
        keras.utils.set_random_seed(epoch)
        model = keras.Sequential(
            [
                keras.Input((SIDE, SIDE, 3)),
                keras.layers.Conv2D(4, 5, 2, activation="relu", name="low"),
                keras.layers.Conv2D(6, 3, activation="relu", name="high"),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(len(NAMES), activation="softmax"),
            ]
        )
        mean_image = np.full((SIDE, SIDE, 3), 118, np.float32)
        preprocessing = zfkeras.Preprocessing(mean_image, SIDE, input_scale=1 / 64)
        path = root / "snapshots" / f"epoch-{epoch:03d}.keras"
        path.parent.mkdir(exist_ok=True)
        zfkeras.Classifier(model, preprocessing, NAMES).save(path)
    return root


@pytest.mark.parametrize(
    ("module", "words", "usual"),
    [
        ("zfkeras.evaluate", [], "validation"),
        ("visualize.features", ["--channels=1"], "validation"),
        ("visualize.invariance", ["--count=1"], "validation"),
        ("visualize.evolution", ["--channels=1"], "train"),
        ("transfer.overlap", [], "train"),
    ],
)
def test_what_is_not_divided_is_taken_whole(
    module, words, usual, folder, tmp_path, caplog
):
    # Previously "split must be one of ['train']", exit code 2.
    caplog.set_level(logging.INFO)
    given = {
        "visualize.evolution": [f"--run={folder}"],
        "transfer.overlap": [f"--against=folder:{folder}/images"],
    }.get(module, [f"--model={folder}/snapshots/epoch-002.keras"])
    argv = [*given, f"--data=folder:{folder}/images", f"--workdir={tmp_path}", *words]
    assert importlib.import_module(module).main(argv) == 0
    record = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert record["split"] == "train"
    said = "has no validation split; taking its only one, train"
    assert (said in caplog.text) == (usual != "train")


@pytest.mark.slow
def test_the_report_of_anybodys_network_has_a_gallery(folder, tmp_path):
    # Previously the gallery was not shown: no layer was called conv1.
    base = keras.Sequential([keras.Input((SIDE, SIDE, 3))], name="base")
    for number, width in enumerate((4, 6), 1):
        base.add(keras.layers.Conv2D(width, 3, activation="relu", name=f"conv{number}"))
        base.add(keras.layers.MaxPooling2D(name=f"pool{number}"))
    image = keras.Input((SIDE, SIDE, 3))
    maps = base(keras.layers.Rescaling(1 / 255)(image))
    vector = keras.layers.GlobalAveragePooling2D()(maps)
    answer = keras.layers.Dense(len(NAMES), activation="softmax")(vector)
    preprocessing = zfkeras.Preprocessing(np.zeros((SIDE, SIDE, 3), np.float32), SIDE)
    path = tmp_path / "mine.keras"
    zfkeras.Classifier(keras.Model(image, answer), preprocessing, NAMES).save(path)
    argv = [f"--model={path}", f"--data=folder:{folder}/images", "--quick"]
    assert report.main([*argv, f"--workdir={tmp_path}/report"]) == 0
    read = PageReader((tmp_path / "report" / "report.html").read_text("utf-8"))
    ids = {attributes.get("id") for _, attributes in read.elements}
    assert {"gallery", *FIGURES} - ids == {"evolution"}
    assert "Layer base.pool1" in read.text and "Layer base.pool2" in read.text
    assert "9 images of images, in 3 classes." in read.text
    assert "top-1 error" not in read.text
    assert "stars that are built in" in read.text
