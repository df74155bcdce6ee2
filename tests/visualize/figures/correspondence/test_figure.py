import json

import pytest
from PIL import Image

from tests.helpers.records import read_results
from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree, write_zip
from visualize.correspondence import main


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("correspondence")
    images = {f"dogs/{n}.png": png(noise(n, 80, 64)) for n in range(3)}
    write_zip(folder / "dogs.zip", images)
    places = {"right_eye": [0.4, 0.4], "nose": [0.4, 0.5, 0.6, 0.7]}
    parts = json.dumps({"parts": {f"{n}.png": places for n in range(3)}})
    return write_tree(folder, {**images, "parts.json": parts})


def test_parts_are_compared_with_random_places(run, model_file, files, tmp_path):
    argv = [f"--model={model_file}", f"--parts={files}/parts.json", "--random=5"]
    argv += ["--layers=flatten,5"]
    code, out, _ = run(main, *argv, f"--images={files}/dogs.zip")
    assert code == 0 and "0.067 ± 0.007" in out
    with Image.open(tmp_path / "out" / "correspondence.png") as picture:
        assert min(picture.size) > 500
    record = read_results(tmp_path / "out", "correspondence")
    assert record["settings"]["seed"] == 0 and record["mask_size"] == 10
    assert record["images"] == ["0.png", "1.png", "2.png"]
    # The lowest first, with the paper's numbers beside its own layers only.
    assert [*record["layers"]] == ["layer 5 (pool5)", "flatten"]
    low, high = record["layers"].values()
    assert low["nose"]["paper"]["mean"] == 0.079 and high["nose"]["paper"] is None
    assert [*low] == [*high] == ["right eye", "nose", "random"]
    for row in (*low.values(), *high.values()):
        assert 0 <= row["mean"] <= 1 and 0 < row["share_of_features_changed"] <= 1
    # The folder instead of the zip, found below the parts file: the same numbers.
    assert run(main, *argv)[0] == 0
    again = read_results(tmp_path / "out", "correspondence")
    assert again["layers"] == record["layers"]


def test_without_parts_it_takes_the_stars(run, model_file, tmp_path):
    argv = ["--random=2", "--layers=4,5", "--count=2", "--mask-size=6"]
    assert run(main, f"--model={model_file}", *argv)[0] == 0
    record = read_results(tmp_path / "out", "correspondence")
    layer, _ = record["layers"].values()
    assert [*layer] == ["top spike", "left spike", "right spike", "random"]
    assert len(record["images"]) == 2
    assert "stars that are built in" in record["findings"][-1]
    # The paper hid parts of dogs.
    assert all(row["paper"] is None for row in layer.values())


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (["--parts={files}/parts.json", "--count=4"], "--count"),
        (["--images={files}"], "--images needs --parts"),
        (["--parts={files}/parts.json", "--images={files}/x"], "--parts"),
        (["--mask-size=56"], "--mask-size"),
        (["--count=1"], "--count"),
    ],
)
def test_requests_that_cannot_be_met_are_named(refusal, model_file, files, argv, named):
    words = [word.format(files=files) for word in argv]
    assert named in refusal(main, f"--model={model_file}", *words)
