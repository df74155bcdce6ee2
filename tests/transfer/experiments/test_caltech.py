import json
import re
import shutil

import numpy as np
import pytest

from tests.helpers.splits import shaded
from tests.helpers.trees import write_tree, write_zip
from transfer.caltech import main
from transfer.experiments import caltech_rows as experiment
from transfer.heads import rows
from transfer.reports.paper import data_set, paper_accuracy, reported_set
from zfkeras.io.files import read_json

NAMES = ("ant", "bee", "cat")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    files = {
        f"{name}/{number}.png": shaded(label, number, 66)
        for label, name in enumerate(NAMES)
        for number in range(9)
    }
    return write_tree(tmp_path_factory.mktemp("images"), files)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A folder of features that the tests of this file share."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def run(folder, model_file, cache, tmp_path, capsys):
    def run(*arguments, data=f"folder:{folder}"):
        common = ("--model", str(model_file), "--cache", str(cache))
        place = ("--data", data, "--workdir", str(tmp_path / "out"))
        code = main([*common, *place, *arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run


def test_layers_and_numbers_with_random_weights_beside(run, tmp_path):
    arguments = ("--layer", "1,5", "--n-train-per-class", "2,5", "--random")
    code, out, _ = run(*arguments, "--folds", "2")
    assert code == 0
    record = json.loads((tmp_path / "out" / "caltech.json").read_text())
    rows = record["rows"]
    assert [(r["weights"], r["layer"], r["n_train_per_class"]) for r in rows] == [
        (weights, layer, n)
        for weights in ("trained", "random")
        for layer in (1, 5)
        for n in (2, 5)
    ]
    # Brightness is easily told: far above the 1/3 of chance.
    assert all(row["mean"] > 0.8 for row in rows if row["layer"] == 1)
    for row in rows:
        assert row["mean"] == pytest.approx(np.mean(row["accuracies"]))
        assert row["std"] == pytest.approx(np.std(row["accuracies"], ddof=1))
    table = (tmp_path / "out" / "caltech.md").read_text()
    assert table in out and "| SVM (5) | 5 |" in re.sub(" +", " ", table)
    for name in ("by_layer_2.png", "by_layer_5.png", "by_number.png"):
        assert (tmp_path / "out" / name).stat().st_size > 5_000


def test_workers_find_the_same_features_of_random_weights_too(
    run, dask_address, tmp_path
):
    words = ("--layer", "1,conv2", "--n-train-per-class", "3", "--folds", "2")
    words += ("--random", "--batch-size", "8", "--feature-dtype", "float32")
    found = {}
    for engine in (("local",), ("dask", "--scheduler", dask_address)):
        cache = tmp_path / engine[0]
        code, _, _ = run(*words, "--cache", str(cache), "--engine", *engine)
        assert code == 0
        record = json.loads((tmp_path / "out" / "caltech.json").read_text())
        assert record["settings"]["engine"] == engine[0]
        assert all(len(row["threads"]) == 1 for row in record["rows"])
        shutil.rmtree(tmp_path / "out")
        paths = sorted(cache.rglob("*.npy"))
        found[engine[0]] = [(p.relative_to(cache), p.read_bytes()) for p in paths]
    assert len(found["dask"]) == 4  # two layers of two networks
    assert found["dask"] == found["local"]


def test_a_second_run_measures_nothing_anew(run, tmp_path, monkeypatch):
    arguments = ("--layer", "5", "--n-train-per-class", "3", "--folds", "2")
    assert run(*arguments)[0] == 0
    first = json.loads((tmp_path / "out" / "caltech.json").read_text())

    def refuse(*args, **kwargs):
        raise AssertionError("measured once more")

    monkeypatch.setattr(experiment, "extract_features", refuse)
    assert run(*arguments)[0] == 0
    again = json.loads((tmp_path / "out" / "caltech.json").read_text())
    assert again["rows"] == first["rows"]
    with pytest.raises(AssertionError, match="measured once more"):
        run(*arguments, "--seed", "1")
    monkeypatch.setattr("transfer.heads.VERSION", 0)
    with pytest.raises(AssertionError, match="measured once more"):
        run(*arguments)


def test_a_run_that_asks_for_less_keeps_what_was_measured(run, tmp_path, monkeypatch):
    # Previously its record held nothing but its own rows, beside the old picture.
    more = ("--layer", "1,5", "--n-train-per-class", "3", "--folds", "2")
    less = ("--layer", "5", "--n-train-per-class", "3", "--folds", "2")
    assert run(*more)[0] == 0
    first = read_json(tmp_path / "out" / "caltech.json")
    assert (tmp_path / "out" / "by_layer_3.png").exists()
    monkeypatch.delattr(experiment, "extract_features")
    code, out, _ = run(*less)
    assert code == 0 and "SVM (1)" not in out
    record = read_json(tmp_path / "out" / "caltech.json")
    assert record["rows"] == first["rows"][1:]
    assert record["earlier_rows"] == first["rows"][:1]
    assert not (tmp_path / "out" / "by_layer_3.png").exists()
    assert run(*more)[0] == 0
    assert read_json(tmp_path / "out" / "caltech.json") == first


def test_without_data_the_published_set_is_found(model_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZFKERAS_DATA", "sets")
    names = ("accordion", "anchor", "ant")
    files = {
        f"101_ObjectCategories/{name}/image_{i:04d}.jpg": shaded(label, i, 66)
        for label, name in enumerate(names)
        for i in range(4)
    }
    (tmp_path / "sets").mkdir()
    archive = write_zip(tmp_path / "sets" / "caltech-101.zip", files)
    arguments = ["--model", str(model_file), "--cache", "cache", "--layer", "5"]
    assert main([*arguments, "--n-train-per-class", "2", "--folds", "2"]) == 0
    results = read_json(tmp_path / "runs" / "caltech" / "results.json")
    assert results == read_json(tmp_path / "runs" / "caltech" / "caltech.json")
    assert results["data"] == f"caltech101:{archive}"
    assert results["num_images"] == 12 and len(results["rows"]) == 1


def test_without_data_on_the_machine_one_line_says_how_to_get_them(
    tmp_path, monkeypatch, capsys
):
    for variable in ("ZFKERAS_DATA", "XDG_CACHE_HOME", "TFDS_DATA_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.chdir(tmp_path)
    assert main(["--layer", "7"]) == 2
    err = capsys.readouterr().err
    (line,) = [line for line in err.splitlines() if ": error: " in line]
    assert "python -m zfkeras.download caltech101 (137 MB)" in line
    assert not (tmp_path / "runs").exists()


def test_too_small_classes_are_refused_before_features(run, monkeypatch):
    # Previously all were computed first, for minutes.
    monkeypatch.delattr(experiment, "extract_features")
    code, _, err = run("--layer", "5", "--n-train-per-class", "3,9")
    assert code == 2 and "'ant' has 9 images: too few" in err


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("--layer", "8"), "layer must be one of"),
        (("--layer", "5", "--n-train-per-class", "30"), "'ant' has 9 images: too few"),
    ],
)
def test_what_cannot_be_done_is_one_line(run, arguments, said):
    code, _, err = run(*arguments)
    assert code == 2
    assert said in err.strip().splitlines()[-1]


def test_what_would_not_fit_into_memory_is_refused_before_the_work(
    run, tmp_path, monkeypatch
):
    monkeypatch.setattr(rows, "MAX_GRAM_IMAGES", 9)
    monkeypatch.setattr(rows, "MAX_FEATURE_BYTES", 9 * 1152 * 4)
    assert run("--layer", "5", "--n-train-per-class", "3", "--folds", "1")[0] == 0
    code, _, err = run("--layer", "5", "--n-train-per-class", "3,4")
    assert code == 2
    assert "layer 5 has 1,152 features, too many for 12 training images" in err


def test_unreadable_images_are_counted_and_named(run, folder, tmp_path, monkeypatch):
    # Previously num_images counted them as used, and the argument was not known.
    images = shutil.copytree(folder, tmp_path / "images")
    (images / "bee" / "4.png").write_bytes(b"no image")
    words = ("--layer", "5", "--n-train-per-class", "3", "--folds", "1")
    code, _, err = run(*words, data=f"folder:{images}")
    assert code == 1
    assert "bee/4.png" in err and "raise --max-bad-fraction" in err
    words = (*words, "--max-bad-fraction", "0.2")
    code, out, _ = run(*words, data=f"folder:{images}")
    assert code == 0 and "Left out: 1 unreadable image." in out
    first = read_json(tmp_path / "out" / "caltech.json")
    assert first["num_images"] == 26
    assert first["bad_images"]["images"].keys() == {"bee/4.png"}
    monkeypatch.delattr(experiment, "extract_features")
    assert run(*words, data=f"folder:{images}")[0] == 0
    assert read_json(tmp_path / "out" / "caltech.json") == first


def test_data_that_come_divided_are_divided_anew(run, tmp_path):
    files = {
        f"{split}/{name}/{number}.png": shaded(label, 10 * place + number, 66)
        for place, split in enumerate(("train", "val"))
        for label, name in enumerate(NAMES)
        for number in range(4)
    }
    data = f"folder:{write_tree(tmp_path / 'divided', files)}"
    arguments = ("--layer", "1", "--n-train-per-class", "5", "--folds", "2")
    assert run(*arguments, data=data)[0] == 0
    record = json.loads((tmp_path / "out" / "caltech.json").read_text())
    assert record["num_images"] == 2 * len(NAMES) * 4
    assert record["rows"][0]["mean"] > 0.8


def test_images_of_several_classes_are_refused(run, photographs):
    data = f"voc2012:{photographs}/voc2012-subset.zip"
    code, _, err = run("--layer", "5", data=data)
    assert code == 2
    assert "whose images show several (transfer.pascal takes it)" in err


def test_the_paper_s_rows():
    assert paper_accuracy("caltech101", "svm", 5, 30).mean == 0.862
    # Table 7 where it has the row, else Tables 4 and 5.
    assert paper_accuracy("caltech101", "softmax", 7, 30).mean == 0.854
    tables_4_and_5 = paper_accuracy("caltech101", "softmax", 7, 30, by_layer=False)
    assert tables_4_and_5.mean == 0.865
    assert paper_accuracy("caltech101", "svm", 5, 30, by_layer=False).mean == 0.862
    assert paper_accuracy("caltech101", "softmax", 7, 15).mean == 0.838
    assert paper_accuracy("caltech256", "softmax", 7, 45).std == 0.004
    assert paper_accuracy("caltech256", "svm", 7, 30) is None
    assert paper_accuracy("folder", "svm", 7, 30) is None


def test_the_paper_says_nothing_of_a_part_of_a_set():
    # Previously ten categories stood beside the paper's 257.
    assert reported_set("caltech256:PATH", 10) is None
    assert reported_set("caltech256:PATH", 257) == "caltech256"
    assert reported_set("tfds:caltech101", 102) == "caltech101"
    assert reported_set("shapes", 12) is None
    assert paper_accuracy(None, "svm", 7, 30) is None


def test_a_data_set_has_one_name_whoever_it_comes_from():
    assert data_set("caltech101:/a:b/c.zip") == "caltech101"
    assert data_set("tfds:caltech101") == data_set("tfds:caltech101:3.*.*")
    assert data_set("shapes") == "shapes"


def test_a_rerun_that_is_killed_keeps_the_rows_it_had_not_come_to(
    run, tmp_path, monkeypatch
):
    # Previously the record began anew with its first row, and the others were lost.
    more = ("--n-train-per-class", "3", "--folds", "2")
    assert run("--layer", "3,5", *more)[0] == 0
    path = tmp_path / "out" / "caltech.json"
    first = read_json(path)["rows"]
    original = experiment.write_record

    def dies(record, results):
        original(record, results)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(experiment, "write_record", dies)
        assert run("--layer", "1,3,5", *more)[0] == 1
    kept = read_json(path)
    assert [row["layer"] for row in kept["rows"]] == [1]
    assert kept["earlier_rows"] == first
