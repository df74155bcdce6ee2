import os
import shutil
from pathlib import Path

import pytest

from tests.helpers.networks import make_classifier
from tests.helpers.records import read_results
from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree
from zfkeras.evaluate import main

NAMES = ("n02124075 Egyptian cat", "größer, 猫 \U0001f408", "bee", "dog")
NUMBER = 7


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Training and validation images of three of the network's four classes."""
    tree = {
        f"{split}/{name}/{number}.png": png(noise(number, 40, 50))
        for split, count in (("train", 1), ("val", NUMBER))
        for name in ("n02124075", NAMES[1], "dog")
        for number in range(count)
    }
    return write_tree(tmp_path_factory.mktemp("images"), tree)


@pytest.fixture
def run(folder, model_file, capsys, tmp_path, monkeypatch):
    """Runs the command; returns exit code, lines on stdout and error lines."""
    monkeypatch.chdir(tmp_path)

    def run(*argv, model=model_file, data=f"folder:{folder}"):
        code = main(["--model", str(model), "--data", data, *map(str, argv)])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        errors = [line for line in err.splitlines() if ": error: " in line]
        return code, out.splitlines(), errors

    return run


def refusal(outcome, code=2):
    """The one line by which the command refused, without what it starts with."""
    got, out, errors = outcome
    assert (got, out, len(errors)) == (code, [], 1)
    return errors[0].removeprefix("python -m zfkeras.evaluate: error: ")


def test_it_measures_prints_and_writes_its_record(run, tmp_path, folder, model_file):
    workdir = tmp_path / "deep" / "evaluation"
    code, out, errors = run("--ten-crop", "--batch-size", 4, "--workdir", workdir)
    assert (code, errors) == (0, [])
    assert sorted(path.name for path in workdir.iterdir()) == [
        "evaluate.json",
        "evaluate.md",
        "results.json",
    ]
    table = (workdir / "evaluate.md").read_text(encoding="utf-8").splitlines()
    assert out[:-1] == table
    assert f"{workdir}/evaluate.json" in out[-1]
    record = read_results(workdir, "evaluate")
    assert record["num_images"] == 3 * NUMBER
    assert record["models"] == [str(model_file)]
    assert record["networks"] == ["zfnet_quarter_without_6_7"]
    assert record["paper"]["row"] is None
    for way in ("centre_crop", "ten_crop"):
        # Of four classes, the first five answers are all.
        assert record[way]["top5_error"] == 0
        top1 = f"{100 * record[way]['top1_error']:.2f}"
        cells = [way.replace("_", " "), top1, "0.00"]
        assert cells in [[c.strip() for c in line.split("|")[1:-1]] for line in table]


def test_two_models_are_averaged_and_the_workdir_has_a_default(run, tmp_path):
    other = tmp_path / "other.keras"
    make_classifier(2, NAMES).save(other)
    code, out, errors = run("--model", other, "--split", "train")
    assert (code, errors) == (0, [])
    assert out[0].endswith("on 3 images")
    assert out[1].startswith("| 2 x zfnet_quarter_without_6_7 |")
    record = read_results(Path("runs/evaluate"), "evaluate")
    assert record["models"][1] == str(other) and record["split"] == "train"


def test_bad_images_are_counted_and_named(run, tmp_path, folder):
    data = shutil.copytree(folder, tmp_path / "data")
    (data / "val" / "dog" / "0.png").write_bytes(b"no image")
    spec = f"folder:{data}"
    code, out, _ = run("--max-bad-fraction", 0.05, "--workdir", tmp_path, data=spec)
    assert code == 0 and "on 20 images" in out[0]
    record = read_results(tmp_path, "evaluate")
    assert record["num_images"] == 20
    assert list(record["bad_images"]["images"]) == ["val/dog/0.png"]
    message = refusal(run(data=spec), code=1)
    assert "1 of 21 images cannot be read" in message and "val/dog/0.png" in message
    for path in data.glob("val/*/*.png"):
        path.write_bytes(b"")
    message = refusal(run("--max-bad-fraction", 1, data=spec), code=1)
    assert "none of the images to evaluate on could be read" in message


def test_a_workdir_that_cannot_be_written_is_known_before_the_work(
    run, tmp_path, monkeypatch
):
    # Root may write anywhere, so the system's refusal is played.
    original = os.mkdir

    def refuse(path, *arguments, **keywords):
        if Path(path) == tmp_path / "e":
            raise PermissionError(13, "Permission denied", str(path))
        original(path, *arguments, **keywords)

    monkeypatch.setattr("os.mkdir", refuse)
    monkeypatch.setattr("zfkeras.training.ensemble.evaluate", None)
    message = refusal(run("--workdir", tmp_path / "e"), code=1)
    assert message == f"[Errno 13] Permission denied: '{tmp_path}/e'"


def test_images_of_several_classes_are_refused(run, photographs):
    data = f"voc2012:{photographs}/voc2012-subset.zip"
    assert "whose images show several" in refusal(run("--split", "val", data=data))
