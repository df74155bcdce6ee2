import numpy as np
import pytest
from PIL import Image

from tests.helpers.networks import make_classifier
from tests.helpers.records import read_results
from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree
from visualize.features import main

NAMES = ("n02124075 Egyptian cat", "<b>größer, 猫<b>", "dog")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    tree = {
        f"val/{name}/{number}.png": png(noise(number + 9 * i, 64, 64))
        for i, name in enumerate(NAMES)
        for number in range(4)
    }
    tree |= {name.replace("val/", "train/"): file for name, file in tree.items()}
    return write_tree(tmp_path_factory.mktemp("images"), tree)


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    make_classifier(1, NAMES).save(path)
    return path


@pytest.fixture
def run(folder, model_file, capsys):
    def run(*argv, data=f"folder:{folder}"):
        arguments = ["--model", str(model_file), "--data", data, *map(str, argv)]
        code = main(arguments)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        errors = [line for line in err.splitlines() if ": error: " in line]
        return code, out.splitlines(), errors

    return run


def refusal(outcome, code=2):
    got, out, errors = outcome
    assert (got, out, len(errors)) == (code, [], 1)
    return errors[0].removeprefix("python -m visualize.features: error: ")


def test_it_writes_a_picture_a_layer_an_overview_and_a_record(run, tmp_path, folder):
    argv = ("--layers", "1,conv3", "--channels", "4", "--workdir", tmp_path / "f")
    code, out, errors = run(*argv, "--top", 4)
    assert (code, errors) == (0, [])
    assert f"{tmp_path}/f/features.png" in out[-1]
    assert sorted(path.name for path in (tmp_path / "f").iterdir()) == [
        "features.json",
        "features.png",
        "layer-conv3.png",
        "layer1.png",
        "results.json",
        "top_activations.npz",
    ]
    for name in ("layer-conv3.png", "features.png", "layer1.png"):
        with Image.open(tmp_path / "f" / name) as picture:
            assert min(picture.size) > 300
    record = read_results(tmp_path / "f", "features")
    assert record["data"] == f"folder:{folder}"
    assert (record["split"], record["num_images"]) == ("validation", 12)
    assert {"command", "environment", "model", "seed"} <= record.keys()
    first, second = record["layers"]
    assert (first["layer"], first["layer_name"]) == (1, "norm1")
    assert (second["layer"], second["layer_name"]) == ("conv3", "conv3")
    assert first["receptive_field"] == [11, 11]
    assert first["num_classes_by_chance"] == pytest.approx(3 * (1 - (2 / 3) ** 4))
    for layer in record["layers"]:
        assert layer["recomputation_error"] < 1e-4
        assert len(layer["features"]) == 4
        for feature in layer["features"]:
            values = [row["activation"] for row in feature["top"]]
            # Noise does not bring every channel above 0 in four images.
            assert 1 <= len(values) <= 4
            assert values == sorted(values, reverse=True)
            assert values[-1] > 0
            for row in feature["top"]:
                assert row["class_name"] == sorted(NAMES)[row["label"]]
                assert row["image_id"].startswith(f"val/{row['class_name']}/")
                top, left, bottom, right = row["box"]
                assert (bottom - top, right - left) == (*layer["receptive_field"],)


def test_a_rerun_reuses_the_scan_and_shows_other_channels(run, tmp_path, monkeypatch):
    argv = ("--layers", "2", "--workdir", tmp_path)
    assert run(*argv, "--channels", "2")[0] == 0
    monkeypatch.setattr("visualize.strongest.scan.evaluation_batches", None)
    assert run(*argv, "--channels", "7,1")[0] == 0
    record = read_results(tmp_path, "features")
    assert [f["channel"] for f in record["layers"][0]["features"]] == [7, 1]


def test_requests_that_cannot_be_met_are_one_line(run, tmp_path):
    argv = ("--workdir", tmp_path / "none")
    assert "Received: layer='conv9'" in refusal(run(*argv, "--layers", "conv9"))
    assert "split must be one of" in refusal(run(*argv, "--split", "test"))
    assert not (tmp_path / "none").exists()


def test_a_channel_that_a_layer_does_not_have_is_named(run, tmp_path, monkeypatch):
    monkeypatch.setattr("visualize.strongest.scan.evaluation_batches", None)
    argv = ("--layers", "1", "--channels", "3,64", "--workdir", tmp_path)
    assert "from 0 to 63 in layer norm1. Received: 64" in refusal(run(*argv))


@pytest.mark.parametrize(
    "argv",
    [
        ["--layers", "1,,2"],
        ["--layers", "1,1"],
        ["--channels", "1,1"],
        ["--channels", "a,b"],
    ],
)
def test_words_that_do_not_parse_give_2(argv, capsys):
    assert main(argv) == 2
    assert "python -m visualize.features: error: " in capsys.readouterr().err


@pytest.mark.slow
def test_the_shipped_network_on_photographs(photographs, tmp_path):
    data = f"tiny-imagenet:{photographs}/tiny-imagenet-200-subset.zip"
    assert main(["--data", data, "--workdir", str(tmp_path)]) == 0
    record = read_results(tmp_path, "features")
    classes = [layer["mean_num_classes_in_top"] for layer in record["layers"]]
    # Sec. 4.1: the higher the layer, the more its features belong to a class.
    assert classes[4] < classes[3] < classes[0]
    assert np.max([layer["recomputation_error"] for layer in record["layers"]]) < 1e-4


@pytest.mark.slow
def test_what_layer_5_projects_lies_on_the_object(shapes_network, tmp_path, capsys):
    _, path, _ = shapes_network
    argv = ["--layers=5", "--channels=64", f"--workdir={tmp_path}"]
    assert main([f"--model={path}", *argv]) == 0
    record = read_results(tmp_path, "features")
    found = record["layers"][0]["on_objects"]
    assert found["num_images"] > 60
    assert found["share_on_object"] > 1.7 * found["chance"]
    assert found["share_on_object"] > 1.2 * found["share_on_other_objects"]
    assert "lies on the object" in capsys.readouterr().out
