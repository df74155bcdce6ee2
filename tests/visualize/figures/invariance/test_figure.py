import numpy as np
import pytest
from PIL import Image

from tests.helpers.records import read_results
from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree
from visualize.invariance import main


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    tree = {
        "n02124075_1.png": png(noise(1, 90, 64)),
        "dog/2.png": png(noise(2, 64, 64)),
        "unknown.png": png(noise(3, 64, 70)),
    }
    folder = write_tree(tmp_path_factory.mktemp("invariance"), tree)
    return [folder / name for name in tree]


def test_named_images_give_three_rows_of_curves(run, model_file, files, tmp_path):
    assert run(main, f"--model={model_file}", "--images", *files)[0] == 0
    with Image.open(tmp_path / "out" / "invariance.png") as picture:
        assert min(picture.size) > 1000
    record = read_results(tmp_path / "out", "invariance")
    assert len(record["findings"]) == len(record["tables"][0]["rows"]) == 3
    assert "half of that at a ratio of 1." in record["findings"][1]
    assert " degrees" in record["findings"][2]
    images = [(image["class_is"], image["class_name"]) for image in record["images"]]
    assert images[:2] == [("true", "n02124075 Egyptian cat"), ("true", "dog")]
    assert images[2][0] == "most likely"
    for name, curves in record["transformations"].items():
        start = curves["values"].index(1 if name == "scale" else 0)
        assert [*curves["layers"]] == ["layer 1 (norm1)", "flatten"]
        for layer in curves["layers"].values():
            distance = np.array(layer["distance"])
            assert distance.shape == np.shape(curves["probability"])
            assert distance[:, start].max() < 1e-4 and distance.max() > 0.1


def test_images_of_the_data_and_layers_by_name(run, model_file, tmp_path):
    argv = ["--data=shapes", "--layers=conv3", "--fill=edge", "--count=1"]
    assert run(main, f"--model={model_file}", *argv)[0] == 0
    record = read_results(tmp_path / "out", "invariance")
    assert record["images"][0]["image"].startswith("validation/")
    assert (record["data"], record["settings"]["fill"]) == ("shapes", "edge")
    assert [*record["transformations"]["scale"]["layers"]] == ["conv3"]
    # Turns repeat, so that a line through them says nothing.
    assert record["tables"][0]["rows"][2][2] == "–"


def test_requests_that_cannot_be_met_are_refused_before_any_work(
    refusal, model_file, files, tmp_path
):
    model = f"--model={model_file}"
    assert "none.jpg" in refusal(main, model, "--images", "none.jpg")
    said = refusal(main, model, "--images", files[2], "--classes", "lion")
    assert "--classes" in said and "lion" in said
    assert "--fill" in refusal(main, "--fill=none")
    assert not (tmp_path / "out").exists()
