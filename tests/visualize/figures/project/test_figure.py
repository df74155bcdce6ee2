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


def test_photographs_become_pictures_and_a_record(run, folder, model_file, tmp_path):
    write_tree(tmp_path, {"out/project-cat.png": b"of an earlier run"})
    argv = [folder / "cat.png", folder / "b", f"--model={model_file}"]
    code, out, errors = run(main, *argv, "--layer=conv1", "--units=2")
    assert (code, errors) == (0, [])
    record = read_results(tmp_path / "out", "project")
    files = [str(folder / "cat.png"), str(folder / "b" / "dog.png")]
    assert [one["file"] for one in record["photographs"]] == files
    assert [*record["left_out"]] == [str(folder / "b" / "broken.jpg")]
    assert "left out: 1 of 3 files" in out
    assert (record["layer_name"], record["receptive_field"]) == ("conv1", [7, 7])
    names = [one["picture"] for one in record["photographs"]]
    assert names == record["pictures"] == ["project-cat.png", "project-dog.png"]
    for one in record["photographs"]:
        with Image.open(tmp_path / "out" / one["picture"]) as picture:
            assert picture.width > 1400
        assert len(one["units"]) == 2
    expected = load(model_file).predict([folder / "cat.png"])[0]
    predictions = record["photographs"][0]["predictions"]
    found = [one["probability"] for one in predictions]
    np.testing.assert_allclose(found, np.sort(expected)[::-1], rtol=1e-5)
    best = f"{predictions[0]['name']} {100 * expected.max():.1f} %"
    assert out.startswith(f"{files[0]}: {best}")
