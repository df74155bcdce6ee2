"""Runs in processes of their own, killed for real."""

import shlex
import signal
import subprocess
import sys
import time

import pytest

from tests.helpers.runs import assert_same_run, final_state, image_folder

# 102 images learnt from, in batches of 8: 12 steps an epoch, 36 in all.
EPOCHS, STEPS = 3, 36
DETERMINISTIC = "--deterministic"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return image_folder(tmp_path_factory.mktemp("images"), per_class=60)


def command(folder, workdir, *more):
    return [
        *(sys.executable, "-m", "zfkeras.train", "--config", "zfnet_shapes"),
        *("--data", f"folder:{folder}", "--workdir", str(workdir)),
        *("--epochs", str(EPOCHS), "--batch-size", "8"),
        *("--set", "data.validation_fraction=0.15", "--set", "model.dropout=0.5"),
        *("--set", "checkpoint_steps=4", "--set", "snapshot_epochs="),
        *("--set", "data.min_crop_area=0.5", "--weights", "random", *more),
    ]


def run_to_the_end(folder, workdir, *more):
    done = subprocess.run(
        command(folder, workdir, *more), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stderr


def start_and_send(folder, workdir, step, number, *more):
    """Sends a signal once the checkpoint of `step` is there and a little later."""
    process = subprocess.Popen(
        command(folder, workdir, *more), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    path = workdir / "checkpoints" / f"step-{step:09d}.npz"
    deadline = time.monotonic() + 240
    while not path.exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    time.sleep(0.02)
    process.send_signal(number)
    _, said = process.communicate(timeout=240)
    return process.returncode, said.decode()


@pytest.fixture(scope="module")
def undisturbed(folder, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("undisturbed")
    run_to_the_end(folder, workdir, DETERMINISTIC)
    assert final_state(workdir)[1]["progress"]["step"] == STEPS
    return workdir


@pytest.mark.slow
@pytest.mark.parametrize("step", [4, 16, 28])
def test_a_killed_and_resumed_run_ends_bit_for_bit_the_same(
    step, folder, undisturbed, tmp_path
):
    code, _ = start_and_send(folder, tmp_path, step, signal.SIGKILL, DETERMINISTIC)
    assert code == -signal.SIGKILL
    said = run_to_the_end(folder, tmp_path, DETERMINISTIC)
    assert "resuming at epoch" in said
    assert_same_run(tmp_path, undisturbed)
    litter = [path for path in tmp_path.rglob("*") if path.name.startswith(".")]
    assert litter == []


@pytest.mark.slow
def test_a_checkpoint_damaged_by_the_crash_costs_one_interval(
    folder, undisturbed, tmp_path
):
    start_and_send(folder, tmp_path, 16, signal.SIGKILL, DETERMINISTIC)
    newest = max((tmp_path / "checkpoints").glob("step-*.npz"))
    newest.write_bytes(newest.read_bytes()[:-1000])
    said = run_to_the_end(folder, tmp_path, DETERMINISTIC)
    assert f"{newest.name} is damaged" in said
    assert_same_run(tmp_path, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_in_one_line_and_loses_nothing(
    number, folder, undisturbed, tmp_path
):
    again = (DETERMINISTIC, "--overwrite")
    code, said = start_and_send(folder, tmp_path, 4, number, *again)
    assert code == 1
    assert "Traceback" not in said
    resume = said.splitlines()[-1].partition("; resume with: ")[2]
    assert shlex.split(resume)[1:] == command(folder, tmp_path, DETERMINISTIC)[1:]
    run_to_the_end(folder, tmp_path, DETERMINISTIC)
    assert_same_run(tmp_path, undisturbed)
