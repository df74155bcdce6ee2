import numpy as np
import pytest
from PIL import Image

from tests.helpers.networks import make_classifier
from tests.helpers.records import read_results
from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree
from visualize.figures.invariance.transformations import FILLS as KNOWN_FILLS
from visualize.invariance import FILLS, build_parser, main

NAMES = ("n02124075 Egyptian cat", "<b>größer, 猫<b>", "dog")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("invariance")
    make_classifier(1, NAMES).save(folder / "model.keras")
    return write_tree(
        folder,
        {
            "n02124075_1.png": png(noise(1, 90, 64)),
            "dog/2.png": png(noise(2, 64, 64)),
            "unknown.png": png(noise(3, 64, 70)),
        },
    )


def test_named_images_give_three_rows_of_curves(files, tmp_path, capsys):
    names = ["n02124075_1.png", "dog/2.png", "unknown.png"]
    argv = ["--model", files / "model.keras", "--workdir", tmp_path / "out"]
    argv += ["--images", *(files / name for name in names)]
    assert main([*map(str, argv)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert f"{tmp_path}/out/invariance.png" in out[-1]
    with Image.open(tmp_path / "out" / "invariance.png") as picture:
        assert min(picture.size) > 1000
    record = read_results(tmp_path / "out", "invariance")
    assert record["paper"]["figure"] == "Fig. 5"
    assert len(record["summary"]) == 3
    assert "half of that at a ratio of 1." in record["summary"][1]
    assert " degrees" in record["summary"][2]
    assert [image["class_is"] for image in record["images"]] == [
        "true",
        "true",
        "most likely",
    ]
    assert [image["class_name"] for image in record["images"]][:2] == [
        NAMES[0],
        "dog",
    ]
    translation, scale, rotation = record["transformations"].values()
    assert (translation["values"][0], translation["values"][-1]) == (-15, 15)
    assert (scale["values"][0], scale["values"][-1]) == (1, 1.8)
    assert (rotation["values"][0], rotation["values"][-1]) == (0, 350)
    for curves in (translation, scale, rotation):
        start = curves["values"].index(1 if curves is scale else 0)
        assert np.shape(curves["probability"]) == (3, len(curves["values"]))
        assert [*curves["layers"]] == ["layer 1 (norm1)", "flatten"]
        for layer in curves["layers"].values():
            distance = np.array(layer["distance"])
            assert distance.shape == (3, len(curves["values"]))
            assert distance[:, start].max() < 1e-4
            assert distance.max() > 0.1


def test_images_of_the_data_and_layers_by_name(files, tmp_path):
    argv = ["--model", files / "model.keras", "--workdir", tmp_path, "--count", "1"]
    argv += ["--data", "shapes", "--layers", "conv3", "--fill", "edge"]
    assert main([*map(str, argv)]) == 0
    record = read_results(tmp_path, "invariance")
    assert record["images"][0]["image"].startswith("validation/")
    assert (record["data"], record["fill"]) == ("shapes", "edge")
    assert [*record["transformations"]["scale"]["layers"]] == ["conv3"]


def test_requests_that_cannot_be_met_are_one_line(files, tmp_path, capsys):
    def refusal(*argv):
        common = ["--model", files / "model.keras", "--workdir", tmp_path / "out"]
        assert main([*map(str, [*common, *argv])]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        errors = [line for line in err.splitlines() if ": error: " in line]
        assert len(errors) == 1
        return errors[0]

    assert "no such image" in refusal("--images", "none.jpg")
    assert "--classes must be names" in refusal(
        "--images", files / "unknown.png", "--classes", "lion"
    )
    assert not (tmp_path / "out").exists()


def test_the_defaults_are_those_of_fig_5():
    args = build_parser().parse_args([])
    assert (args.count, args.layers, args.fill) == (5, None, "mean")
    assert {*FILLS} == {*KNOWN_FILLS}
    assert main(["--fill", "none"]) == 2
