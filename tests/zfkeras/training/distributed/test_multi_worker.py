"""Two worker processes on loopback against one process, and workers that die."""

import json
import shutil

import numpy as np
import pytest

from tests.helpers.runs import (
    assert_same_run,
    final_state,
    image_folder,
    metrics_of,
)
from tests.helpers.workers import WorkerProcesses, python, run_workers, tf_config
from zfkeras import train

# 30 images learnt from in batches of 8, the last 6 of each epoch dropped; 9 held out,
# an odd number, so that the workers' shares differ. A bound on the filters that acts.
SETTINGS = {
    "model.variant": "zfnet_quarter_fc512",
    "model.weights": None,
    "model.kernel_initializer": "he_normal",
    "model.dropout": 0.5,
    "model.max_filter_rms": 0.05,
    "data.validation_fraction": 0.2,
    "data.min_crop_area": 0.5,
    "data.input_scale": 1 / 64,
    "optimizer.learning_rate": 0.01,
    "checkpoint_steps": 2,
    "snapshot_epochs": "1",
}


def arguments(data, workdir, epochs=2, batch_size=8, **settings):
    words = ["--config", "zfnet_shapes", "--data", data, "--workdir", str(workdir)]
    words += ["--epochs", str(epochs), "--batch-size", str(batch_size)]
    for key, value in {**SETTINGS, **settings}.items():
        words += ["--set", f"{key}={value}"]
    return words


def two_workers(*words, module="zfkeras.train"):
    """The commands of two workers."""
    command = python("-m", module, *words)
    return [[*command, "--strategy", "multi-worker", "--join-seconds", "600"]] * 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return image_folder(
        tmp_path_factory.mktemp("images"), 13, classes=("cat", "dog", "emu")
    )


def test_two_workers_take_the_steps_of_one_with_dropout_and_all(folder, tmp_path):
    data = f"folder:{folder}"
    assert train.main(arguments(data, tmp_path / "one", epochs=1)) == 0
    words = arguments(data, tmp_path / "two", epochs=1)
    run_workers(two_workers(*words), tmp_path / "logs")
    found, _ = final_state(tmp_path / "two")
    for name, array in final_state(tmp_path / "one")[0].items():
        # Two halves add up in another order than the whole.
        np.testing.assert_allclose(found[name], array, atol=1e-5, err_msg=name)
    (row,), (other,) = metrics_of(tmp_path / "one"), metrics_of(tmp_path / "two")
    for key in ("validation_top1_error", "validation_top5_error", "step"):
        assert row[key] == other[key]
    assert row["step"] == 3
    np.testing.assert_allclose(other["train_loss"], row["train_loss"], rtol=1e-5)
    mean = [
        (tmp_path / name / "mean_image.npy").read_bytes() for name in ("one", "two")
    ]
    assert mean[0] == mean[1]
    results = json.loads((tmp_path / "two" / "results.json").read_text())
    assert results["held_out"]["num_images"] == 9


@pytest.mark.slow
def test_a_slow_worker_is_named_and_changes_nothing(folder, tmp_path):
    words = arguments(f"folder:{folder}", tmp_path / "even", epochs=1)
    run_workers(two_workers(*words), tmp_path / "logs")
    words = arguments(f"slow:{folder}", tmp_path / "slow", epochs=1)
    commands = two_workers(*words, module="tests.helpers.slow_worker")
    workers = run_workers(commands, tmp_path / "slow-logs")
    assert "all wait for worker 1: its images took" in workers.said(0)
    assert_same_run(tmp_path / "slow", tmp_path / "even")


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_workers_end_when_one_is_killed_and_the_run_resumes_to_the_bit(
    victim, folder, tmp_path
):
    shutil.copytree(folder, tmp_path / "images")
    (tmp_path / "images" / "emu" / "bad.jpg").write_bytes(b"")
    data, more = f"folder:{tmp_path / 'images'}", {"data.max_bad_fraction": 0.1}
    words = arguments(data, tmp_path / "whole", epochs=4, **more)
    run_workers(two_workers(*words), tmp_path / "whole-logs")
    words = arguments(data, tmp_path / "run", epochs=4, **more)
    commands = two_workers(*words)
    with WorkerProcesses(commands, tmp_path / "killed") as workers:
        workers.wait_for(tmp_path / "run/checkpoints/step-000000004.npz", 900)
        workers.kill(victim)
        codes = workers.wait(120)  # the others notice by themselves
        assert codes[1 - victim] == 1, workers.all_said()
        last = workers.said(1 - victim).splitlines()[-1]
        assert "error: another worker has ended or cannot be reached; run the" in last
    resumed = run_workers(commands, tmp_path / "resumed")
    assert "resuming at epoch" in resumed.said(0)
    assert_same_run(tmp_path / "run", tmp_path / "whole")
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["bad_images"]["images"] == {"emu/bad.jpg": "empty file"}
    # One writer: nothing that only another could have left.
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        *("checkpoints", "config.json", "mean_image.npy", "metrics.jsonl"),
        *("model.keras", "results.json", "snapshots", "tensorboard", "training.png"),
    }
    assert len([*(tmp_path / "run" / "tensorboard").iterdir()]) == 2


@pytest.mark.slow
def test_too_many_bad_images_of_one_worker_end_all_with_their_names(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "images")
    (tmp_path / "images" / "emu" / "bad.jpg").write_bytes(b"")
    words = arguments(f"folder:{tmp_path / 'images'}", tmp_path / "run")
    commands = two_workers(*words)
    with WorkerProcesses(commands, tmp_path / "logs") as workers:
        assert workers.wait(900) == [1, 1], workers.all_said()
        for index in range(2):
            last = workers.said(index).splitlines()[-1]
            assert "1 of 40 images cannot be read" in last
            assert "emu/bad.jpg (empty file)" in last


@pytest.mark.slow
def test_only_the_chief_needs_the_workdir(folder, tmp_path):
    # As on machines that share no file system: the others are told where the run is.
    commands = [
        two_workers(*arguments(f"folder:{folder}", tmp_path / name))[index]
        for index, name in enumerate(("chief", "other"))
    ]
    for _ in range(2):  # the second time takes it up at its end
        run_workers(commands, tmp_path / "logs")
    assert not (tmp_path / "other").exists()
    assert [row["epoch"] for row in metrics_of(tmp_path / "chief")] == [1, 2]


@pytest.mark.slow
def test_two_workers_in_float16_under_xla_skip_what_overflows_in_one(tmp_path):
    program = python("-m", "tests.helpers.overflow")
    done = run_workers([program] * 2, tmp_path)
    assert all(done.said(index).endswith("skipped together\n") for index in range(2))


@pytest.mark.slow
def test_a_signal_to_one_worker_saves_and_ends_all(folder, tmp_path):
    words = arguments(f"folder:{folder}", tmp_path / "run", epochs=200)
    commands = two_workers(*words)
    with WorkerProcesses(commands, tmp_path / "logs") as workers:
        workers.wait_for(tmp_path / "run/checkpoints/step-000000004.npz", 900)
        workers.processes[1].terminate()
        assert workers.wait(300) == [1, 1], workers.all_said()
        for index in range(2):
            last = workers.said(index).splitlines()[-1]
            assert "; resume with: python -m " in last


def test_a_batch_that_cannot_be_shared_is_one_line(
    folder, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("TF_CONFIG", tf_config([1, 2], 0))
    words = arguments(f"folder:{folder}", tmp_path / "run", batch_size=5)
    assert train.main([*words, "--strategy", "multi-worker"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "--batch-size must be a multiple of the 2 workers" in line
    assert not (tmp_path / "run").exists()
