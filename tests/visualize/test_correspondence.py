import json

import pytest
from PIL import Image

from tests.helpers.networks import make_classifier
from tests.helpers.records import read_results
from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree, write_zip
from visualize.correspondence import main


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("correspondence")
    make_classifier(1, "ab").save(folder / "model.keras")
    images = {f"dogs/{n}.png": png(noise(n, 80, 64)) for n in range(3)}
    write_zip(folder / "dogs.zip", images)
    parts = {
        f"{n}.png": {"right_eye": [0.4, 0.4], "nose": [0.4, 0.5, 0.6, 0.7]}
        for n in range(3)
    }
    return write_tree(folder, {**images, "parts.json": json.dumps({"parts": parts})})


def run(files, workdir, *argv):
    common = ["--model", files / "model.keras", "--workdir", workdir]
    return main([*map(str, [*common, *argv])])


def test_parts_are_compared_with_random_places(files, tmp_path, capsys):
    argv = ["--parts", files / "parts.json", "--images", files / "dogs.zip"]
    assert run(files, tmp_path / "out", *argv, "--random", 5) == 0
    out = capsys.readouterr().out
    assert f"{tmp_path}/out/correspondence.json" in out.splitlines()[-1]
    with Image.open(tmp_path / "out" / "correspondence.png") as picture:
        assert min(picture.size) > 500
    table = (tmp_path / "out" / "correspondence.md").read_text("utf-8")
    assert table in out
    assert "| right eye |" in table
    assert "0.067 ± 0.007" in table
    record = read_results(tmp_path / "out", "correspondence")
    assert record["mask_size"] == 10
    assert record["images"] == ["0.png", "1.png", "2.png"]
    low, high = record["layers"].values()
    assert [*low] == [*high] == ["right eye", "nose", "random"]
    for row in (*low.values(), *high.values()):
        assert 0 <= row["mean"] <= 1
        assert 0 < row["share_of_features_changed"] <= 1
    assert low["nose"]["paper"] == {"mean": 0.079, "deviation": 0.017}

    # The folder instead of the zip, found below the parts file: the same numbers.
    assert run(files, tmp_path / "2", *argv[:2], "--random", 5) == 0
    again = read_results(tmp_path / "2", "correspondence")
    assert again["layers"] == record["layers"]


def test_the_paper_s_numbers_stand_beside_its_own_layers(files, tmp_path):
    argv = ["--parts", files / "parts.json", "--random", 2]
    for layers, expected in (
        ("3,4", {"layer 3 (conv3)": None, "layer 4 (conv4)": None}),
        ("flatten,5", {"layer 5 (pool5)": 0.079, "flatten": None}),
        ("5,4", {"layer 4 (conv4)": None, "layer 5 (pool5)": 0.079}),
    ):
        assert run(files, tmp_path, *argv, f"--layers={layers}") == 0
        record = read_results(tmp_path, "correspondence")
        noses = {name: rows["nose"] for name, rows in record["layers"].items()}
        known = [(name, nose["paper"]) for name, nose in noses.items()]
        shown = [(name, paper and paper["mean"]) for name, paper in known]
        assert shown == [*expected.items()]  # the lowest first


def test_without_parts_it_takes_the_stars(files, tmp_path):
    argv = ["--random", 2, "--layers", "4,5", "--count", 2, "--mask-size", 6]
    assert run(files, tmp_path, *argv) == 0
    record = read_results(tmp_path, "correspondence")
    layer, _ = record["layers"].values()
    assert [*layer] == ["top spike", "left spike", "right spike", "random"]
    assert len(record["images"]) == 2
    # The paper hid parts of dogs.
    assert all(row["paper"] is None for row in layer.values())


def test_requests_that_cannot_be_met_are_one_line(files, tmp_path, capsys):
    def refusal(*argv):
        assert run(files, tmp_path / "out", *argv) == 2
        out, err = capsys.readouterr()
        assert out == ""
        (line,) = [line for line in err.splitlines() if ": error: " in line]
        return line

    parts = ["--parts", files / "parts.json"]
    assert "--count must be at most 3" in refusal(*parts, "--count", 4)
    assert "--images needs --parts" in refusal("--images", files)
    assert "does not hold 0.png" in refusal(*parts, "--images", tmp_path)
    missing = refusal("--parts", files / "none.json")
    assert f"--parts: there is no file {files}/none.json" in missing
    assert "--parts: there is no file" in refusal("--parts", files)
    assert "must be less than 56" in refusal("--mask-size", 56)
    assert "`layer` must be one of" in refusal(*parts, "--layers", "7")
    assert main(["--count", "1"]) == 2
