from tests.helpers.records import read_results
from tests.helpers.splits import shaded
from tests.helpers.trees import write_tree
from transfer import caltech, folder


def test_a_head_is_one_file_and_one_call(add, model_file, tmp_path, capsys):
    add("nearest_head")
    assert caltech.main(["--help"]) == 0
    assert "{svm,softmax,nearest}" in capsys.readouterr().out
    files = {
        f"{name}/{number}.png": shaded(label, number, 66)
        for label, name in enumerate(("ant", "bee"))
        for number in range(6)
    }
    images = write_tree(tmp_path / "images", files)
    common = ["--layer", "5", "--head", "nearest", "--model", str(model_file)]
    common += ["--cache", str(tmp_path / "cache"), "--workdir", str(tmp_path / "out")]
    data = ["--data", f"folder:{images}", "--n-train-per-class", "4"]
    assert caltech.main([*common, *data]) == 0
    (row,) = read_results(tmp_path / "out", "caltech")["rows"]
    assert row["head"] == "nearest" and row["mean"] == 1
    capsys.readouterr()
    assert folder.main([str(images), *common]) == 2  # no layer of a network can hold it
    assert "a linear one" in capsys.readouterr().err
