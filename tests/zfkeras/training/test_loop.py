"""Runs that stop in the middle, in this process; test_resume.py kills real ones."""

import os
import shutil
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers.runs import (
    WITH_DROPOUT,
    AtStep,
    assert_same_run,
    final_state,
    tiny_config,
)
from zfkeras.errors import RunError
from zfkeras.models.classifier import Classifier
from zfkeras.training.loop import Loop
from zfkeras.training.run import run_experiment
from zfkeras.training.workdir.checkpoints import Checkpoints


def die(*_):
    raise SystemExit


def interrupt(model):
    os.kill(os.getpid(), signal.SIGINT)


class AtTheEnd(keras.callbacks.Callback):
    """Sends a signal between the last step and the report."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.params["epochs"] - 1:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(
    ("callback", "attribute", "checkpoint_steps", "error"),
    [
        (AtStep(2, die), None, 3, SystemExit),  # before any checkpoint
        (AtStep(9, die), None, 3, SystemExit),  # in the middle of the second epoch
        # The checkpoint of the epoch's last step is there, or its row is written.
        (None, (Loop, "evaluate"), 5, SystemExit),
        (None, (Classifier, "save"), 3, SystemExit),
        (AtStep(2, interrupt), None, 3, RunError),
        (AtTheEnd(), None, 3, RunError),
    ],
    ids=["first-epoch", "second-epoch", "evaluation", "snapshot", "ctrl-c", "sigterm"],
)
def test_a_run_that_stopped_anywhere_ends_as_one_that_did_not(
    callback,
    attribute,
    checkpoint_steps,
    error,
    finished,
    folder,
    tmp_path,
    monkeypatch,
):
    config = tiny_config(
        folder,
        WITH_DROPOUT,
        epochs=2,
        snapshot_epochs=(1,),
        checkpoint_steps=checkpoint_steps,
    )
    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch, pytest.raises(error) as stopped:
        if attribute:
            patch.setattr(*attribute, die)
        run_experiment(config, tmp_path, callbacks=[callback] if callback else [])
    if error is RunError:
        step = final_state(tmp_path)[1]["progress"]["step"]
        message = f"interrupted at step {step}; everything is saved; resume with: "
        assert message in str(stopped.value)
        assert signal.getsignal(signal.SIGINT) is before
    assert not (tmp_path / "results.json").exists()
    (tmp_path / "metrics.jsonl").write_bytes(b"{ \xff")  # cut short by the crash
    run_experiment(config, tmp_path)
    assert_same_run(tmp_path, finished[0])


def exhaust(model):
    raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")


def spoil(model):
    bias = model.get_layer("predictions").bias
    bias.assign(np.full(bias.shape, np.nan))


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (exhaust, "out of memory at step 2; lower --batch-size, now 4"),
        (spoil, r"the loss is nan at step 2 \(epoch 1\); lower optimizer.learning_"),
    ],
)
def test_a_run_that_cannot_go_on_says_why_and_keeps_what_was_sound(
    action, message, folder, tmp_path
):
    config = tiny_config(folder, checkpoint_steps=1)
    with pytest.raises(RunError, match=message):
        run_experiment(config, tmp_path, callbacks=[AtStep(2, action)])
    arrays, state = final_state(tmp_path)
    assert state["progress"]["step"] == 1
    assert all(np.isfinite(array).all() for array in arrays.values())


def test_a_checkpoint_of_another_version_is_refused_in_one_line(
    finished, folder, tmp_path
):
    workdir = shutil.copytree(finished[0], tmp_path / "run")
    arrays, state = final_state(workdir)
    del state["schedule"]["drops"]
    Checkpoints(workdir / "checkpoints").save(11, arrays, state)
    with pytest.raises(RunError, match="another version of zfkeras; use another"):
        run_experiment(tiny_config(folder, WITH_DROPOUT, epochs=2), workdir)
