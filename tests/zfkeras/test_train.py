import json
import os
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.runs import image_folder, noise_jpeg
from zfkeras import load
from zfkeras.train import main

QUICK = (
    *("--epochs", "1", "--batch-size", "8", "--set", "snapshot_epochs="),
    *("--weights", "random", "--set", "model.variant=zfnet_quarter_without_6_7"),
)


def train(workdir, *arguments):
    return main(
        ["--config", "zfnet_shapes", "--workdir", str(workdir), *QUICK, *arguments]
    )


def only_line(capsys):
    """The last line said, which must be the error; no traceback anywhere."""
    said = capsys.readouterr().err
    assert "Traceback" not in said
    line = said.replace("\r", "\n").strip().splitlines()[-1]
    assert "error: " in line, said
    return line


def test_a_run_from_the_command_line(tmp_path, capsys):
    folder = image_folder(tmp_path / "images", per_class=20)
    workdir = tmp_path / "run"
    assert train(workdir, "--data", f"folder:{folder}", "--seed", "3") == 0
    said = capsys.readouterr().out
    assert f"model in {workdir}/model.keras" in said
    assert f"results in {workdir}/results.json" in said
    saved = json.loads((workdir / "config.json").read_text())
    assert saved["config"]["seed"] == 3
    assert saved["config"]["data"]["source"] == f"folder:{folder}"
    assert saved["environment"]["keras"] and saved["command"]


def test_without_arguments_it_trains_the_built_in_set_from_quarter(
    tmp_path, monkeypatch, capsys, caplog
):
    caplog.set_level("INFO")
    monkeypatch.chdir(tmp_path)
    # Fewer of its images, one epoch: what else is the default stays.
    assert main(["--epochs", "1", "--set", "data.num_classes=2"]) == 0
    announced = caplog.text
    for fact in (
        "python -m zfkeras.train --config zfnet_imagenet --data tfds:imagenet2012",
        "training zfnet_quarter, 3,221,378 parameters, from quarter; epochs: 1",
        "images: shapes, 540 to learn from and 60 held out, 2 classes",
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
    assert f"python -m visualize.project PHOTO {model}" in said
    report = f"python -m visualize.report {model} --run runs/zfnet_shapes --data shapes"
    assert report in said


def test_the_default_workdir_is_that_of_the_configuration(
    tmp_path, monkeypatch, capsys
):
    folder = image_folder(tmp_path / "my images")
    monkeypatch.chdir(tmp_path)
    arguments = ("--data", f"folder:{folder}", *QUICK, "--set", "data.input_scale=1")
    config = ("--config", "zfnet_quarter_tiny_imagenet")
    assert main([*config, *arguments, "--set", "data.validation_fraction=0.2"]) == 0
    assert Path("runs/zfnet_quarter_tiny_imagenet/results.json").is_file()
    report = capsys.readouterr().out.splitlines()[-1]
    assert shlex.split(report)[-2:] == ["--data", f"folder:{folder}"]


def test_an_interruption_says_the_command_that_resumes(tmp_path, monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("zfkeras.training.run.run_experiment", interrupt)
    words = ["train.py", "--workdir", str(tmp_path / "my run")]
    monkeypatch.setattr(sys, "argv", [*words, "--overwrite"])
    assert main() == 1
    command = only_line(capsys).partition("interrupted; resume with: ")[2]
    assert shlex.split(command)[-2:] == words[1:]


def test_weights_to_start_from(tmp_path, capsys, caplog):
    caplog.set_level("INFO")
    folder = image_folder(tmp_path / "images")
    arguments = ("--data", f"folder:{folder}", "--weights", "quarter")
    assert train(tmp_path / "run", *arguments) == 2
    assert "which differs in fc6, fc7. --weights random" in only_line(capsys)
    arguments += ("--set", "model.variant=zfnet_quarter", "--dry-run")
    assert train(tmp_path / "run", *arguments) == 0
    assert "a zfnet_quarter, with a new softmax" in caplog.text
    assert train(tmp_path / "run", "--weights", "nothing", *arguments[:2]) == 2
    assert re.search(r"must be a preset \(quarter.* or the path", only_line(capsys))


def test_mirrored_runs_on_whatever_devices_there_are(tmp_path):
    folder = image_folder(tmp_path / "images")
    arguments = ("--data", f"folder:{folder}", "--strategy", "mirrored", "--dry-run")
    assert train(tmp_path / "run", *arguments) == 0


def test_five_percent_of_broken_files(tmp_path, capsys):
    folder = image_folder(tmp_path / "images", per_class=20)
    for number in (3, 7):
        path = folder / "dog" / f"{number:02d}.jpg"
        path.write_bytes(noise_jpeg(number)[:200])
    assert train(tmp_path / "run", "--data", f"folder:{folder}") == 1
    line = only_line(capsys)
    assert "dog/03.jpg" in line or "dog/07.jpg" in line
    assert "--max-bad-fraction" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "imagenet"), "--data must be one of .*Received: 'imagenet'"),
        (("--data", "folder:"), "needs a path"),
        (("--set", "lr=1"), "--set key must be one of .*optimizer.learning_rate"),
        (("--set", "epochs=x"), "epochs must be a whole number"),
        (("--set", "model.variant=vgg"), "must be one of zfnet, .*'vgg'"),
        (("--set", "model.kernel_initializer=no"), "must be 'paper' or a Keras"),
        (("--set", "data.num_classes=1"), "from 2 to 12"),
        (("--set", "data.validation_fraction=0.999"), "leaves no images of --data"),
        (("--seed", "-1"), "seed must be from 0"),
        (("--seed", str(2**32)), "seed must be from 0"),
        (("--strategy", "many"), "--strategy: invalid choice"),
        (("--batch-size", "0"), "at least 1"),
        (("--epochs", "0"), "at least 1"),
        (("--max-bad-fraction", "2"), "from 0 to 1"),
    ],
)
def test_what_cannot_be_is_named(arguments, message, tmp_path, capsys):
    assert train(tmp_path / "run", *arguments) == 2
    assert re.search(message, only_line(capsys))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_workdir_that_cannot_be_written(below, tmp_path, capsys, monkeypatch):
    # Root may write anywhere, so the system's refusal is played.
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", str(tmp_path / "run"))

    folder = image_folder(tmp_path / "images")
    if not below:
        (tmp_path / "run").mkdir()
    monkeypatch.setattr("os.mkdir" if below else "os.replace", refuse)
    assert train(tmp_path / "run" / below, "--data", f"folder:{folder}") == 1
    assert f"Permission denied: '{tmp_path}/run'" in only_line(capsys)


def test_a_workdir_whose_name_is_not_utf8(tmp_path):
    # Previously TensorBoard's writer ended in a traceback.
    folder = image_folder(tmp_path / "images")
    workdir = tmp_path / os.fsdecode(b"caf\xe9")
    assert train(workdir, "--data", f"folder:{folder}") == 0
    assert (workdir / "tensorboard").is_dir() and (workdir / "model.keras").is_file()


def test_the_same_command_again_resumes_and_another_is_refused(tmp_path, capsys):
    folder = image_folder(tmp_path / "images")
    run = tmp_path / "run"
    data = ("--data", f"folder:{folder}")
    assert train(run, *data, "--set", "lr=1") == 2
    assert train(run, *data, "--set", "schedule.kind=step") == 2
    assert train(run, *data) == 0
    before = (run / "metrics.jsonl").read_text()
    assert train(run, *data) == 0
    assert (run / "metrics.jsonl").read_text() == before
    capsys.readouterr()
    assert train(run, *data, "--seed", "5") == 2
    assert "seed=0, not 5; use another --workdir, or --overwrite" in only_line(capsys)
    assert train(run, *data, "--seed", "5", "--overwrite") == 0
