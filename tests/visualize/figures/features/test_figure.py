import shutil

import keras
import numpy as np
import pytest
from PIL import Image

from tests.helpers.records import read_results
from visualize.features import main
from visualize.figures.features.figure import FeatureSettings
from visualize.figures.features.gallery import GALLERY
from visualize.report.sections import gallery
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.models.classifier import Classifier
from zfkeras.passes.context import Context


def test_a_picture_for_each_layer_an_overview_and_a_record(
    run, model_file, image_folder, tmp_path
):
    argv = [f"--model={model_file}", f"--data=folder:{image_folder}", "--top=4"]
    argv += ["--layers=1,conv3", "--channels=4"]
    code, out, errors = run(main, *argv)
    assert (code, errors) == (0, []) and f"{tmp_path}/out/features.png" in out
    for name in ("layer-conv3.png", "features.png", "layer1.png"):
        with Image.open(tmp_path / "out" / name) as picture:
            assert min(picture.size) > 300
    record = read_results(tmp_path / "out", "features")
    assert record["data"] == f"folder:{image_folder}" and record["findings"] == []
    assert (record["split"], record["num_images"]) == ("validation", 12)
    assert record["settings"]["model"] == str(model_file)
    first, second = record["layers"]
    assert (first["layer"], first["layer_name"]) == (1, "norm1")
    assert (second["layer"], second["layer_name"]) == ("conv3", "conv3")
    assert first["num_classes_by_chance"] == pytest.approx(4 * (1 - (3 / 4) ** 4))
    for layer in record["layers"]:
        assert layer["recomputation_error"] < 1e-4
        assert len(layer["features"]) == 4
        for feature in layer["features"]:
            values = [row["activation"] for row in feature["top"]]
            # Noise does not bring every channel above 0 in four images.
            assert 1 <= len(values) <= 4 and values[-1] > 0
            assert values == sorted(values, reverse=True)
            for row in feature["top"]:
                assert row["image_id"].startswith(f"val/{row['class_name']}/")


def test_workers_find_the_same_in_a_sample(run, model_file, tmp_path, dask_address):
    argv = [f"--model={model_file}", "--data=shapes:64:60", "--split=train"]
    argv += ["--layers=1,conv3", "--channels=2", "--max-images=40", "--batch-size=8"]
    records = []
    for engine in (["local"], ["dask", "--scheduler", dask_address]):
        assert run(main, *argv, "--engine", *engine)[0] == 0
        records.append(read_results(tmp_path / "out", "features"))
        shutil.rmtree(tmp_path / "out")
    alone, found = records
    assert [r["settings"]["engine"] for r in records] == ["local", "dask"]
    assert found["layers"] == alone["layers"] and found["num_images"] == 40
    assert all(len(layer["threads"]) == 1 for layer in found["layers"])


@pytest.mark.parametrize(
    ("word", "named"),
    [
        ("--layers=conv9", "conv9"),
        ("--channels=1,1", "1,1"),
        ("--channels=a,b", "--channels"),
        ("--channels=3,256", "256"),
        ("--split=test", "split"),
    ],
)
def test_requests_that_cannot_be_met_are_refused_before_any_work(
    refusal, model_file, image_folder, tmp_path, word, named
):
    argv = [f"--model={model_file}", f"--data=folder:{image_folder}"]
    assert named in refusal(main, *argv, word)
    assert not (tmp_path / "out").exists()


def test_the_gallery_takes_any_names_of_layers(tmp_path):
    names = ("inner>conv", "..", "x" * 250 + "1", "x" * 250 + "2", "features")
    layers = [keras.layers.Conv2D(2, 3, name=name) for name in names]
    model = keras.Sequential([keras.Input((32, 32, 3)), *layers])
    model.add(keras.layers.GlobalMaxPooling2D())
    preprocessing = Preprocessing(np.zeros((32, 32, 3), np.float32), crop_size=32)
    path = tmp_path / "model.keras"
    Classifier(model, preprocessing, ("a", "b"), {}).save(path)
    settings = FeatureSettings(
        model=path, data="shapes", layers=names, channels=2, top=1, max_images=9
    )
    record, written = GALLERY.make(Context(tmp_path / "gallery"), settings)
    assert all(path.is_file() for path in written)
    layers = gallery(record, tmp_path / "gallery").layers
    assert len(layers) == len(names) and all(layer.cards for layer in layers)
    assert all("No max pool lies below:" in layer.facts for layer in layers)
    anchors = [card.anchor for layer in layers for card in layer.cards]
    assert len({*anchors}) == len(anchors) == len(record.pictures) / 2


@pytest.mark.slow
def test_the_shipped_network_on_photographs(photographs, run, tmp_path):
    data = f"tiny-imagenet:{photographs}/tiny-imagenet-200-subset.zip"
    assert run(main, f"--data={data}")[0] == 0
    record = read_results(tmp_path / "out", "features")
    classes = [layer["mean_num_classes_in_top"] for layer in record["layers"]]
    # Sec. 4.1: the higher the layer, the more its features belong to a class.
    assert classes[4] < classes[3] < classes[0]
    assert np.max([layer["recomputation_error"] for layer in record["layers"]]) < 1e-4


@pytest.mark.slow
def test_what_layer_5_projects_lies_on_the_object(shapes_network, run, tmp_path):
    argv = [f"--model={shapes_network}", "--data=shapes", "--layers=5"]
    _, out, _ = run(main, *argv, "--channels=64")
    found = read_results(tmp_path / "out", "features")["layers"][0]["on_objects"]
    assert found["num_images"] > 60
    assert found["share_on_object"] > 1.7 * found["chance"]
    assert found["share_on_object"] > 1.2 * found["share_on_other_objects"]
    assert "lies on the object" in out
