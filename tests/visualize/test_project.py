import numpy as np
import pytest
from PIL import Image

from tests.helpers.records import read_results
from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree
from visualize.project import main
from zfkeras.models.presets import load


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    tree = {"cat.png": png(noise(1, 80, 64)), "b/dog.png": png(noise(2, 30, 40))}
    tree["b/broken.jpg"] = b"\xff\xd8\xff"
    return write_tree(tmp_path_factory.mktemp("photographs"), tree)


@pytest.fixture
def run(model_file, tmp_path, capsys):
    def run(*argv):
        common = ["--model", model_file, "--workdir", tmp_path / "out"]
        code = main([*map(str, [*common, *argv])])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        errors = [line for line in err.splitlines() if ": error: " in line]
        return code, out.splitlines(), errors

    return run


def refusal(run, *argv):
    code, out, errors = run(*argv)
    assert (code, out, len(errors)) == (2, [], 1)
    return errors[0].removeprefix("python -m visualize.project: error: ")


def test_photographs_become_pictures_and_a_record(run, folder, model_file, tmp_path):
    write_tree(tmp_path, {"out/project-cat.png": b"of an earlier run"})
    argv = [folder / "cat.png", folder / "b", "--layer", "conv1", "--units", 2]
    code, out, errors = run(*argv)
    assert (code, errors) == (0, [])
    record = read_results(tmp_path / "out", "project")
    assert [one["file"] for one in record["photographs"]] == [
        str(folder / "cat.png"),
        str(folder / "b" / "dog.png"),
    ]
    assert [*record["left_out"]] == [str(folder / "b" / "broken.jpg")]
    assert "left out: 1 of 3 files" in "\n".join(out)
    assert (record["layer_name"], record["receptive_field"]) == ("conv1", [7, 7])
    names = [one["picture"] for one in record["photographs"]]
    assert names == ["project-cat.png", "project-dog.png"]
    for one in record["photographs"]:
        with Image.open(tmp_path / "out" / one["picture"]) as picture:
            assert picture.width > 1400
        assert len(one["units"]) == 2
    expected = load(model_file).predict([folder / "cat.png"])[0]
    predictions = record["photographs"][0]["predictions"]
    found = [one["probability"] for one in predictions]
    np.testing.assert_allclose(found, np.sort(expected)[::-1], rtol=1e-5)
    assert out[0] == str(folder / "cat.png")
    assert out[1] == f"  {100 * expected.max():5.1f} %  {predictions[0]['name']}"


def test_channels_and_a_position_are_taken_as_given(run, folder, tmp_path):
    argv = ["--layer", 1, "--channel", "9,3", "--position", "4,5"]
    code, out, _ = run(folder / "cat.png", *argv)
    assert code == 0
    assert out[-1].endswith("out: project-cat.png and project.json")
    record = read_results(tmp_path / "out", "project")
    (photograph,) = record["photographs"]
    found = [(unit["channel"], unit["position"]) for unit in photograph["units"]]
    assert found == [(9, [4, 5]), (3, [4, 5])]
    # 7 pixels of conv1, 2 of them before the image, and two steps of 2 in its pool: 11
    # pixels in steps of 4.
    assert [unit["box"] for unit in photograph["units"]] == [[14, 18, 25, 29]] * 2


@pytest.mark.slow
def test_layers_without_positions_see_the_whole_photograph(folder, tmp_path):
    for layer in ("6", "7", "predictions"):
        argv = [str(folder / "cat.png"), "--layer", layer]
        assert main([*argv, "--workdir", str(tmp_path)]) == 0
        (photograph,) = read_results(tmp_path, "project")["photographs"]
        assert len(photograph["units"]) == 6
        for unit in photograph["units"]:
            assert (unit["position"], unit["box"]) == (None, [0, 0, 56, 56])


def test_requests_that_cannot_be_met_are_one_line(run, folder, tmp_path):
    cat = folder / "cat.png"
    assert "none.jpg" in refusal(run, tmp_path / "none.jpg")
    assert "broken.jpg" in refusal(run, folder / "b" / "broken.jpg")
    assert "`layer`" in refusal(run, cat, "--layer", 9)
    assert "`channel`" in refusal(run, cat, "--channel", 128)
    assert "--channel" in refusal(run, cat, "--channel", "x")
    assert "(3, 0)" in refusal(run, cat, "--position", "3,0")
    assert "--position" in refusal(run, cat, "--position", "3")
    assert "`position`" in refusal(run, cat, "--layer", "predictions", "--position=0,0")


def test_nothing_but_broken_files_is_a_failed_run(run, tmp_path):
    write_tree(tmp_path, {"a.jpg": b"", "b.jpg": b"no image"})
    code, _, errors = run(tmp_path / "a.jpg", tmp_path / "b.jpg")
    assert (code, len(errors)) == (1, 1)
    assert not [*(tmp_path / "out").glob("*.json")]
