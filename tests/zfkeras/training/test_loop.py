import dataclasses
import json
import os
import signal

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers.runs import image_folder, tiny_config
from zfkeras.errors import RunError
from zfkeras.io.files import read_json
from zfkeras.models.classifier import Classifier
from zfkeras.training import loop as loop_module
from zfkeras.training.config import ScheduleConfig
from zfkeras.training.run import run_experiment
from zfkeras.training.workdir.checkpoints import Checkpoints


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return image_folder(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def finished(folder, tmp_path_factory):
    """A run of two epochs that nothing disturbed."""
    workdir = tmp_path_factory.mktemp("run")
    config = tiny_config(folder, snapshot_epochs=(1,))
    return workdir, run_experiment(config, workdir)


def metrics(workdir):
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def timeless(rows):
    timed = {"seconds", "images_per_second", "input_share"}
    return [{k: v for k, v in row.items() if k not in timed} for row in rows]


def final_state(workdir):
    return Checkpoints(workdir / "checkpoints").load_latest()


def fail_at_step(monkeypatch, step, action):
    """Makes the loop do `action(loop)` just before the given training step."""
    original = loop_module.Loop._step

    def patched(self, batch, bar):
        if self.progress.step + 1 == step:
            action(self)
        return original(self, batch, bar)

    monkeypatch.setattr(loop_module.Loop, "_step", patched)


def test_a_run_leaves_all_that_was_promised(finished):
    workdir, results = finished
    assert {path.name for path in workdir.iterdir()} == {
        "checkpoints",
        "config.json",
        "mean_image.npy",
        "metrics.jsonl",
        "model.keras",
        "results.json",
        "snapshots",
        "tensorboard",
        "training.png",
    }
    assert [path.name for path in (workdir / "snapshots").iterdir()] == [
        "epoch-001.keras"
    ]
    rows = metrics(workdir)
    assert [row["epoch"] for row in rows] == [1, 2]
    assert [row["step"] for row in rows] == [5, 10]
    assert next(iter(rows[0])) == "step"
    assert read_json(workdir / "results.json") == results
    assert results["held_out"]["num_images"] == 4


def test_the_mean_image_leaves_out_what_is_held_out(finished, folder):
    from zfkeras.data.files.decoding import decode
    from zfkeras.data.register import open_source

    train, _ = open_source(f"folder:{folder}").split("train").carve(0.15, 0)
    pictures = [np.asarray(decode(train.read(key)), float) for key in train.keys]
    mean_image = np.load(finished[0] / "mean_image.npy")
    np.testing.assert_allclose(mean_image, np.mean(pictures, axis=0), atol=1e-3)


@pytest.mark.parametrize("step", [2, 6])
def test_a_run_that_died_and_resumed_equals_one_that_did_not(
    step, finished, folder, tmp_path, monkeypatch
):
    config = tiny_config(folder)

    def die(loop):
        raise SystemExit

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        fail_at_step(patch, step, die)
        run_experiment(config, tmp_path)
    run_experiment(config, tmp_path)
    expected_arrays, expected_state = final_state(finished[0])
    arrays, state = final_state(tmp_path)
    for name, array in arrays.items():
        assert np.array_equal(array, expected_arrays[name]), name
    assert state["schedule"] == expected_state["schedule"]
    assert timeless(metrics(tmp_path)) == timeless(metrics(finished[0]))


@pytest.mark.parametrize(
    ("where", "checkpoint_steps"), [("evaluation", 5), ("snapshot", 3)]
)
def test_a_run_that_died_at_the_end_of_an_epoch_repeats_only_that(
    where, checkpoint_steps, finished, folder, tmp_path, monkeypatch
):
    # The checkpoint may be that of the epoch's last step, and its row may be written.
    config = tiny_config(
        folder, snapshot_epochs=(1, 2), checkpoint_steps=checkpoint_steps
    )

    def die(*_):
        raise SystemExit

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        if where == "evaluation":
            patch.setattr(loop_module.Loop, "evaluate", die)
        else:
            patch.setattr(Classifier, "save", die)
        run_experiment(config, tmp_path)
    run_experiment(config, tmp_path)
    arrays, expected = final_state(tmp_path)[0], final_state(finished[0])[0]
    assert all(np.array_equal(arrays[name], expected[name]) for name in expected)
    assert timeless(metrics(tmp_path)) == timeless(metrics(finished[0]))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"mixed_precision": "float16"}, marks=pytest.mark.slow),
        {"schedule": ScheduleConfig("cosine", warmup_epochs=0.5)},
    ],
)
def test_loss_scale_and_cosine_come_back_to_the_bit(
    changes, folder, tmp_path, monkeypatch
):
    config = tiny_config(folder, **changes)
    model = dataclasses.replace(config.model, variant="zfnet_quarter_without_6_7")
    config = dataclasses.replace(config, model=model)
    run_experiment(config, tmp_path / "whole")

    def die(loop):
        raise SystemExit

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        fail_at_step(patch, 9, die)
        run_experiment(config, tmp_path / "resumed")
    run_experiment(config, tmp_path / "resumed")
    arrays = final_state(tmp_path / "resumed")[0]
    expected = final_state(tmp_path / "whole")[0]
    assert arrays.keys() == expected.keys()
    assert all(np.array_equal(arrays[name], expected[name]) for name in expected)


def test_a_signal_in_the_last_evaluation_is_answered_after_it(
    folder, tmp_path, monkeypatch
):
    # Previously it was forgotten, and the run went on to its report.
    config = tiny_config(folder, epochs=1)
    original = loop_module.Loop.evaluate
    signals = [signal.SIGTERM]

    def evaluate(self, *arguments):
        while signals:
            os.kill(os.getpid(), signals.pop())
        return original(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop_module.Loop, "evaluate", evaluate)
        with pytest.raises(RunError, match="interrupted at step 5; everything is sav"):
            run_experiment(config, tmp_path)
    assert not (tmp_path / "results.json").exists()
    assert final_state(tmp_path)[1]["progress"]["epoch"] == 1
    assert run_experiment(config, tmp_path)["epochs"] == 1


def test_memory_that_runs_out_is_one_line_with_a_remedy(folder, tmp_path, monkeypatch):
    def exhaust(loop):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")

    fail_at_step(monkeypatch, 3, exhaust)
    with pytest.raises(RunError, match="memory at step 3; lower --batch-size, now 4"):
        run_experiment(tiny_config(folder), tmp_path)


def test_a_snapshot_is_the_network_at_the_end_of_its_epoch(finished, folder, tmp_path):
    import zfkeras

    run_experiment(tiny_config(folder, epochs=1), tmp_path)
    at_the_end = zfkeras.load(tmp_path / "model.keras").model.get_weights()
    snapshot = zfkeras.load(finished[0] / "snapshots" / "epoch-001.keras")
    for weight, expected in zip(snapshot.model.get_weights(), at_the_end, strict=True):
        assert np.array_equal(weight, expected)
    assert snapshot.made["errors"]["epoch"] == 1


def test_ctrl_c_saves_and_the_same_command_resumes(
    finished, folder, tmp_path, monkeypatch
):
    config = tiny_config(folder)
    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        fail_at_step(patch, 2, lambda _: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(RunError, match="interrupted at step 2; everything is sav"):
            run_experiment(config, tmp_path)
    assert final_state(tmp_path)[1]["progress"]["step"] == 2
    assert signal.getsignal(signal.SIGINT) is before
    run_experiment(config, tmp_path)
    arrays, expected = final_state(tmp_path)[0], final_state(finished[0])[0]
    assert all(np.array_equal(arrays[name], expected[name]) for name in expected)


def test_a_checkpoint_of_another_version_is_refused_in_one_line(folder, tmp_path):
    # Previously a traceback.
    config = tiny_config(folder, epochs=1)
    run_experiment(config, tmp_path)
    arrays, state = final_state(tmp_path)
    del state["schedule"]["drops"]
    Checkpoints(tmp_path / "checkpoints").save(5, arrays, state)
    with pytest.raises(RunError, match="another version of zfkeras; use another"):
        run_experiment(config, tmp_path)


def test_a_loss_that_is_not_finite_stops_the_run_at_its_step(
    folder, tmp_path, monkeypatch
):
    def spoil(loop):
        bias = loop.network.model.get_layer("predictions").bias
        bias.assign(np.full(bias.shape, np.nan))

    fail_at_step(monkeypatch, 2, spoil)
    with pytest.raises(RunError, match=r"the loss is nan at step 2 \(epoch 1\); lower"):
        run_experiment(tiny_config(folder, checkpoint_steps=1), tmp_path)
    # What was saved before is still sound.
    arrays, state = final_state(tmp_path)
    assert state["progress"]["step"] == 1
    assert all(np.isfinite(array).all() for array in arrays.values())


def test_the_error_on_held_out_images_steers_the_rate(folder, tmp_path, monkeypatch):
    errors = iter([0.5, 0.4, 0.4, 0.3, 0.9, 0.9])
    monkeypatch.setattr(
        loop_module.Loop,
        "evaluate",
        lambda self, split, bad_images: {
            "num_images": 1,
            "centre_crop": {"top1_error": next(errors), "top5_error": 0.0},
        },
    )
    config = tiny_config(folder, epochs=5, schedule=ScheduleConfig(patience_epochs=1))
    run_experiment(config, tmp_path)
    rates = [row["learning_rate"] for row in metrics(tmp_path)]
    assert rates == pytest.approx([0.01, 0.01, 0.01, 0.001, 0.001])


@pytest.mark.parametrize("precision", ["float16"])
def test_a_model_trained_in_half_precision_is_saved_in_float32(
    precision, folder, tmp_path
):
    import zfkeras

    run_experiment(tiny_config(folder, epochs=1, mixed_precision=precision), tmp_path)
    classifier = zfkeras.load(tmp_path / "model.keras")
    assert classifier.model.dtype_policy.name == "float32"
    assert classifier.model.get_layer("conv1").compute_dtype == "float32"
    trained, _ = final_state(tmp_path)
    kernel = classifier.model.get_layer("conv1").kernel
    assert any(np.array_equal(kernel, array) for array in trained.values())


def test_a_finished_run_may_go_on_for_more_epochs(folder, tmp_path):
    run_experiment(tiny_config(folder, epochs=1), tmp_path)
    run_experiment(tiny_config(folder, epochs=2), tmp_path)
    assert [row["epoch"] for row in metrics(tmp_path)] == [1, 2]


def test_running_a_finished_run_again_changes_nothing(folder, tmp_path):
    config = tiny_config(folder, epochs=1)
    first = run_experiment(config, tmp_path)
    assert run_experiment(config, tmp_path) == first
