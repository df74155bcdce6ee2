import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree
from transfer.experiments import pascal_rows
from transfer.experiments.pascal_rows import rarest_present
from transfer.pascal import main
from transfer.reports.paper import PASCAL, PASCAL_MEANS
from zfkeras.data.sources.voc import CLASS_NAMES

SHOWN = ("bird", "cat")  # every other class is absent


def picture(number, bird, cat):
    """Noise, bright above for a bird and below for a cat."""
    pixels = noise(number, 64, 64).astype(int) // 8 + 20
    pixels[:32] += 150 * bird
    pixels[32:] += 150 * cat
    return png(pixels.clip(0, 255).astype(np.uint8))


def voc(number=24):
    """VOC2012 of images that show a bird, a cat, both or neither, some difficult."""
    files = {}
    flags = {name: {"train": [], "val": []} for name in CLASS_NAMES}
    for i in range(2 * number):
        split = "train" if i < number else "val"
        bird, cat = i % 2, i // 2 % 2
        files[f"JPEGImages/2012_{i:06d}.jpg"] = picture(i, bird, cat)
        for name in CLASS_NAMES:
            flag = {"bird": 2 * bird - 1, "cat": 2 * cat - 1}.get(name, -1)
            # Some birds are difficult.
            flag = 0 if name == "bird" and i % 6 == 1 else flag
            flags[name][split].append(f"2012_{i:06d} {flag:2d}")
    for name, by_split in flags.items():
        for split, lines in by_split.items():
            files[f"ImageSets/Main/{name}_{split}.txt"] = "\n".join(lines) + "\n"
    return files


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_tree(tmp_path_factory.mktemp("voc") / "VOC2012", voc())


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A folder of features that the tests of this file share."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def run(data, model_file, cache, tmp_path, capsys):
    def run(*arguments, spec=f"voc2012:{data}"):
        places = (
            "--cache",
            str(cache),
            "--workdir",
            str(tmp_path / "out"),
        )
        common = ("--model", str(model_file), "--data", spec)
        code = main([*common, *places, *map(str, arguments)])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, [row for row in err.splitlines() if ": error: " in row]

    return run


def test_without_data_the_published_set_is_found(
    data, model_file, tmp_path, monkeypatch
):
    for variable in ("ZFKERAS_DATA", "XDG_CACHE_HOME", "TFDS_DATA_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.chdir(tmp_path)
    assert main(["--layer", "5"]) == 2
    monkeypatch.setenv("ZFKERAS_DATA", str(data.parent))
    arguments = ["--model", str(model_file), "--cache", "cache", "--layer", "5"]
    assert main(arguments) == 0
    results = json.loads(Path("runs/pascal/results.json").read_text())
    assert results == json.loads(Path("runs/pascal/pascal.json").read_text())
    assert results["data"] == f"voc2012:{data}"
    assert len(results["rows"]) == 2


def record(tmp_path):
    return json.loads((tmp_path / "out" / "pascal.json").read_text())


def test_both_heads_are_measured_beside_the_paper(run, tmp_path):
    code, out, errors = run("--layer", "1,5")
    assert (code, errors) == (0, [])
    results = record(tmp_path)
    assert results["splits"] == ["train", "validation"]
    assert (results["num_train"], results["num_test"]) == (24, 24)
    rows = results["rows"]
    assert [(row["layer"], row["head"]) for row in rows] == [
        (layer, head) for layer in (1, 5) for head in ("softmax", "svm")
    ]
    bird, cat = (CLASS_NAMES.index(name) for name in SHOWN)
    # Of the 12 birds, the difficult ones count neither way.
    assert [results["num_positives"][label] for label in (bird, cat)] == [8, 12]
    for row in rows:
        for definition, values in row["average_precisions"].items():
            known = [value for value in values if value is not None]
            assert [i for i, v in enumerate(values) if v is not None] == [bird, cat]
            assert row["means"][definition] == pytest.approx(np.mean(known))
    # One machine a class finds each in images that show both; chance is a half.
    assert rows[1]["means"]["all_point"] > 0.95
    assert rows[0]["means"]["all_point"] > 0.7
    table = (tmp_path / "out" / "pascal.md").read_text()
    assert table in out
    table = re.sub(" +", " ", table)
    assert "| bird | 8 |" in table and "| 73.0 | 80.8 | 88.4 |" in table
    assert "| mean, all-point |" in table and "| 74.3 | 82.2 | 79.0 |" in table
    assert (tmp_path / "out" / "pascal.png").stat().st_size > 5_000


def test_rows_are_not_measured_twice(run, tmp_path, monkeypatch):
    assert run("--layer", 5, "--head", "svm")[0] == 0
    first = record(tmp_path)["rows"]

    def refuse(*args, **kwargs):
        raise AssertionError("measured once more")

    monkeypatch.setattr(pascal_rows, "_one_machine_a_class", refuse)
    assert run("--layer", 5)[0] == 0
    second = record(tmp_path)["rows"]
    assert [row["head"] for row in second] == ["softmax", "svm"]
    assert second[1] == first[0]
    with pytest.raises(AssertionError, match="once more"):
        run("--layer", 5, "--seed", 1)


def test_a_photograph_in_training_and_test_is_refused(run, data, tmp_path):
    images = shutil.copytree(data, tmp_path / "VOC2012")
    photographs = images / "JPEGImages"
    shutil.copy(photographs / "2012_000003.jpg", photographs / "2012_000030.jpg")
    code, _, errors = run("--layer", 5, spec=f"voc2012:{images}")
    assert (code, len(errors)) == (2, 1)
    assert "2012_000003.jpg as 2012_000030.jpg" in errors[0]


def test_unreadable_images_are_counted_and_named(run, data, tmp_path):
    images = shutil.copytree(data, tmp_path / "VOC2012")
    (images / "JPEGImages" / "2012_000003.jpg").write_bytes(b"no image")
    words = ("--layer", 5, "--head", "svm")
    code, _, errors = run(*words, spec=f"voc2012:{images}")
    assert code == 1 and "raise --max-bad-fraction" in errors[0]
    words = (*words, "--max-bad-fraction", 0.1)
    for _ in range(2):  # computed, and read from the cache
        code, out, _ = run(*words, spec=f"voc2012:{images}")
        assert code == 0 and "Left out: 1 unreadable image." in out
        results = record(tmp_path)
        assert (results["num_train"], results["num_test"]) == (23, 24)
        (name,) = results["bad_images"]["images"]
        assert name.endswith("2012_000003.jpg") and results["bad_images"]["count"] == 1


def test_bad_requests_are_one_line(run, tmp_path):
    folder = write_tree(
        tmp_path / "folder", {f"{name}/0.png": png(noise(1, 9, 9)) for name in "ab"}
    )
    for arguments, spec, message in [
        (("--layer", 8), None, "layer must be one of"),
        (("--test-split", "test"), None, "split must be one of"),
        (("--test-split", "train"), None, "other images than --train-split"),
        ((), f"folder:{folder}", "images of several classes"),
        ((), f"voc2012:{tmp_path}/nowhere", "nowhere"),
    ]:
        more = {} if spec is None else {"spec": spec}
        code, _, errors = run("--layer", 5, *arguments, **more)
        assert (code, len(errors)) == (2, 1), arguments
        assert message in errors[0]


def test_the_rarest_class_labels_an_image():
    targets = np.array([[1, 1, -1], [1, -1, -1], [1, 1, 1], [-1, 0, -1], [1, 1, 0]])
    assert rarest_present(targets).tolist() == [1, 0, 2, -1, 1]


def test_table_6_is_copied_right():
    # The paper's column averages what it says; those of its peers do not (paper.md).
    assert PASCAL.keys() == {*CLASS_NAMES}
    means = np.array([*PASCAL.values()]).mean(axis=0)
    assert means[2] == pytest.approx(PASCAL_MEANS[2], abs=5e-4)
    assert means[:2] == pytest.approx([0.7403, 0.8233], abs=5e-5)
    best = [np.argmax(row) for row in PASCAL.values()]
    assert np.bincount(best).tolist() == [0, 15, 5]
