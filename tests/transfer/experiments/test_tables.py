import json
import re
from pathlib import Path

import pytest

from tests.helpers.splits import shaded
from tests.helpers.trees import write_tree
from transfer.experiments import tables as tables_run
from transfer.experiments.whole_network import WholeNetwork
from transfer.tables import main
from zfkeras.data.sources.voc import CLASS_NAMES

SIZES = (7, 8, 9)  # the smallest class leaves up to six to learn from


@pytest.fixture(scope="module")
def caltech(tmp_path_factory):
    """Three categories in the layout of Caltech-256."""
    files = {
        f"00{label + 1}.thing-{label}/00{label + 1}_{i:04d}.jpg": shaded(label, i, 64)
        for label, size in enumerate(SIZES)
        for i in range(size)
    }
    folder = tmp_path_factory.mktemp("caltech") / "256_ObjectCategories"
    return f"caltech256:{write_tree(folder, files)}"


@pytest.fixture(scope="module")
def voc(tmp_path_factory):
    files = {}
    for split, start in (("train", 0), ("val", 12)):
        for i in range(start, start + 12):
            files[f"JPEGImages/{i:06d}.jpg"] = shaded(i % 2, i, 64)
        for label, name in enumerate(CLASS_NAMES):
            files[f"ImageSets/Main/{name}_{split}.txt"] = "".join(
                f"{i:06d} {1 if i % 2 == label else -1}\n"
                for i in range(start, start + 12)
            )
    return f"voc2012:{write_tree(tmp_path_factory.mktemp('voc') / 'VOC2012', files)}"


@pytest.fixture
def run(model_file, tmp_path, capsys):
    def run(*arguments):
        places = ("--cache", tmp_path / "cache", "--workdir", tmp_path / "out")
        common = ("--model", model_file, "--folds", 2, *places)
        code = main([*map(str, (*arguments, *common))])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, [row for row in err.splitlines() if ": error: " in row]

    return run


def test_every_table_there_are_data_for(run, caltech, voc, tmp_path, monkeypatch):
    monkeypatch.setattr(tables_run, "BY_LAYER_N_TRAIN", {"caltech256": 5})
    monkeypatch.setattr(tables_run, "PRETRAINED", {"caltech256": {2: None, 60: None}})
    code, out, errors = run("--data", caltech, "--data", voc)
    assert (code, errors) == (0, [])
    tables = json.loads((tmp_path / "out" / "tables.json").read_text())["results"]
    assert [*tables] == ["5", "6", "7 caltech256", "fig9"]  # no Table 4

    def numbers(name):
        return sorted({row["n_train_per_class"] for row in tables[name]["rows"]})

    assert numbers("5") == [2]
    assert numbers("fig9") == [1, 2, 3, 4, 6]
    assert {row["weights"] for row in tables["7 caltech256"]["rows"]} == {
        "trained",
        "random",
    }
    assert [(row["head"], row["layer"]) for row in tables["6"]["rows"]] == [
        ("softmax", 5),  # the small network of these tests has no layer 7
        ("svm", 5),
    ]
    text = (tmp_path / "out" / "tables.md").read_text()
    assert text in out
    for title in ("Table 5", "Table 6", "Table 7", "Fig. 9"):
        assert title in text
    for name in ("5.png", "6.png", "7_caltech256.png", "fig9.png"):
        assert (tmp_path / "out" / name).stat().st_size > 5_000


def test_the_second_arm_and_a_second_run(run, caltech, tmp_path, monkeypatch):
    monkeypatch.setattr(tables_run, "PRETRAINED", {"caltech256": {2: None, 4: None}})
    asked = []

    def accuracies(self, source, classifier, folder):
        asked.append((folder.name, self.name, self.weights))
        row = {"std": None, "epochs": self.epochs, "paper": None}
        if self.weights is None:
            row["paper"] = {"mean": 0.1, "std": None}
        numbers = self.settings.n_train_per_class
        return [{**row, "n_train_per_class": n, "mean": n / 10} for n in numbers]

    monkeypatch.setattr(WholeNetwork, "run", accuracies)
    arguments = ("--data", caltech, "--tables", "5,fig9", "--from-scratch", 3)
    arguments += ("--fine-tune", 2)
    code, out, _ = run(*arguments)
    assert code == 0
    (*scratch, weights), (*tuned, start) = asked
    assert scratch == ["5", "from_scratch"] and weights is None
    assert tuned == ["5", "fine_tuned"] and start is not None
    cells = re.sub(" +", " ", out)
    assert "| from scratch, 3 epochs | 4 | 40.0 | 10.0 |" in cells
    assert "| fine-tuned, 2 epochs | 4 | 40.0 | |" in cells

    def refuse(*args, **kwargs):
        raise AssertionError("measured once more")

    monkeypatch.setattr("transfer.experiments.caltech_rows.evaluate_head", refuse)
    assert run(*arguments)[:2] == (0, out)


def test_without_data_every_set_that_is_found_is_taken(
    run, caltech, voc, tmp_path, monkeypatch
):
    monkeypatch.setattr(tables_run, "PRETRAINED", {"caltech256": {2: None}})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    data = tmp_path / "sets"
    monkeypatch.setenv("ZFKERAS_DATA", str(data))
    code, _, errors = run("--tables", "5,6")
    assert (code, len(errors)) == (2, 1)
    assert "caltech256 or voc2012 or voc2007 must be in" in errors[0]
    data.mkdir()
    for spec in (caltech, voc):
        folder = Path(spec.partition(":")[2])
        (data / folder.name).symlink_to(folder)
    code, _, errors = run("--tables", "5,6")
    assert (code, errors) == (0, [])
    record = json.loads((tmp_path / "out" / "results.json").read_text())
    assert record == json.loads((tmp_path / "out" / "tables.json").read_text())
    found = {name: table["data"] for name, table in record["results"].items()}
    assert found == {
        "5": f"caltech256:{data}/256_ObjectCategories",
        "6": f"voc2012:{data}/VOC2012",
    }


def test_bad_requests_are_one_line(run, caltech, voc, tmp_path):
    lonely = {f"00{i}.thing/00{i}_0001.jpg": shaded(0, i, 64) for i in (1, 2)}
    lonely = write_tree(tmp_path / "256_ObjectCategories", lonely)
    for arguments, message in [
        (("--data", "shapes"), "--data must be one of caltech101:PATH"),
        (("--data", caltech, "--data", caltech), "once for each set"),
        (("--data", voc, "--data", "tfds:voc/2007"), "once for each set"),
        (
            ("--data", "tfds:caltech101:3", "--data", "caltech101:x"),
            "once for each set",
        ),
        (("--data", voc, "--tables", "4,7"), "--tables 4,7 needs other --data"),
        (("--data", "caltech101:/nowhere"), "/nowhere"),
        (("--data", f"caltech256:{lonely}", "--tables", "fig9"), "has 1 images: too"),
    ]:
        code, _, errors = run(*arguments)
        assert (code, len(errors)) == (2, 1), arguments
        assert message in errors[0]
    assert main(["--data", caltech, "--tables", "3"]) == 2
    assert main(["--help"]) == 0
