import json
import os
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.runs import image_folder
from zfkeras import load
from zfkeras.train import main

QUICK = (
    *("--epochs", "1", "--batch-size", "8", "--set", "snapshot_epochs="),
    *("--weights", "random", "--set", "model.variant=zfnet_quarter_without_6_7"),
)


def train(workdir, *arguments):
    return main(["--workdir", str(workdir), *QUICK, *arguments])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = image_folder(tmp_path_factory.mktemp("my images"), per_class=20)
    return "--data", f"folder:{folder}"


def only_line(capsys):
    """The last line said, which must be the error; no traceback anywhere."""
    said = capsys.readouterr().err
    assert "Traceback" not in said
    line = said.replace("\r", "\n").strip().splitlines()[-1]
    assert "error: " in line, said
    return line


def test_without_arguments_it_trains_the_built_in_set_from_quarter(
    tmp_path, monkeypatch, capsys, caplog
):
    caplog.set_level("INFO")
    monkeypatch.chdir(tmp_path)
    # Fewer of its images, one epoch: what else is the default stays.
    few = ("data.num_classes=2", "data.validation_fraction=0.8")
    assert main(["--epochs", "1", "--set", few[0], "--set", few[1]]) == 0
    announced = caplog.text
    for fact in (
        "python -m zfkeras.train --config zfnet_imagenet --data tfds:imagenet2012",
        "training zfnet_quarter, 3,221,378 parameters, from quarter; epochs: 1",
        "images: shapes, 120 to learn from and 480 held out, 2 classes",
        "workdir: runs/zfnet_shapes",
    ):
        assert fact in announced
    workdir = Path("runs/zfnet_shapes")
    saved = json.loads((workdir / "config.json").read_text())["config"]
    assert saved["model"]["weights"] == "quarter"
    assert saved["data"]["source"] == "shapes"
    results = json.loads((workdir / "results.json").read_text())
    assert results["validation"]["num_images"] == 100
    kernels = [
        load(name).model.get_layer("conv1").kernel
        for name in ("quarter", workdir / "model.keras")
    ]
    # Trained on, not anew: random weights would be uncorrelated with quarter's.
    assert np.corrcoef(*(np.ravel(kernel) for kernel in kernels))[0, 1] > 0.9
    said = capsys.readouterr().out
    model = "--model runs/zfnet_shapes/model.keras"
    assert f"python -m zfkeras.predict PHOTO {model}" in said
    assert f"python -m visualize.explore {model}" in said
    report = f"python -m visualize.report {model} --run runs/zfnet_shapes --data shapes"
    assert report in said


def test_an_interruption_says_the_command_that_resumes(tmp_path, monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("zfkeras.training.run.run_experiment", interrupt)
    words = ["train.py", "--workdir", str(tmp_path / "my run")]
    monkeypatch.setattr(sys, "argv", [*words, "--overwrite"])
    assert main() == 1
    command = only_line(capsys).partition("interrupted; resume with: ")[2]
    assert shlex.split(command)[-2:] == words[1:]


def test_weights_to_start_from(data, tmp_path, capsys, caplog):
    caplog.set_level("INFO")
    arguments = (*data, "--weights", "quarter")
    assert train(tmp_path / "run", *arguments) == 2
    assert "which differs in fc6, fc7. --weights random" in only_line(capsys)
    arguments += ("--set", "model.variant=zfnet_quarter", "--dry-run")
    # On whatever devices there are.
    assert train(tmp_path / "run", *arguments, "--strategy", "mirrored") == 0
    assert "a zfnet_quarter, with a new softmax" in caplog.text
    assert train(tmp_path / "run", "--weights", "nothing", *data) == 2
    assert re.search(r"must be a preset \(quarter.* or the path", only_line(capsys))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "imagenet"), "--data must be one of .*Received: 'imagenet'"),
        (("--set", "lr=1"), "--set key must be one of .*optimizer.learning_rate"),
        (("--set", "epochs=x"), "epochs must be a whole number"),
        (("--set", "schedule.kind=step"), "schedule.kind must be plateau or cosine"),
        (("--set", "model.variant=vgg"), "must be one of zfnet, .*'vgg'"),
        (("--set", "data.num_classes=1"), "from 2 to 12"),
        (("--seed", "-1"), "--seed: must be .* from 0"),
        (("--strategy", "many"), "--strategy: invalid choice"),
        (("--epochs", "0"), "at least 1"),
        (("--max-bad-fraction", "2"), "from 0 to 1"),
    ],
)
def test_what_cannot_be_is_named(arguments, message, tmp_path, capsys):
    assert train(tmp_path / "run", *arguments) == 2
    assert re.search(message, only_line(capsys))
    assert not (tmp_path / "run").exists()


def test_the_same_command_again_resumes_and_another_is_refused(data, tmp_path, capsys):
    run = tmp_path / os.fsdecode(b"caf\xe9")  # a name that is no UTF-8
    assert train(run, *data) == 0
    said = capsys.readouterr().out
    assert f"results in {run}/results.json" in said.replace("\\udce9", "\udce9")
    report = said.splitlines()[-1]
    assert shlex.split(report)[-2:] == [*data]  # with the blank in its path
    saved = json.loads((run / "config.json").read_text())
    assert saved["config"]["data"]["source"] == data[1]
    before = (run / "metrics.jsonl").read_text()
    assert train(run, *data) == 0
    assert (run / "metrics.jsonl").read_text() == before
    assert train(run, *data, "--seed", "5") == 2
    assert "seed=0, not 5; use another --workdir, or --overwrite" in only_line(capsys)
    assert train(run, *data, "--seed", "5", "--overwrite") == 0
    assert (run / "tensorboard").is_dir() and (run / "model.keras").is_file()
