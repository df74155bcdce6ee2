import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest

import zfkeras
from tests.helpers.runs import (
    WITH_DROPOUT,
    assert_same_run,
    final_state,
    image_folder,
    metrics_of,
    tiny_config,
)
from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree
from zfkeras.data.files.decoding import decode
from zfkeras.data.register import open_source
from zfkeras.errors import RunError, UsageError
from zfkeras.io.files import read_json
from zfkeras.training import mean_image
from zfkeras.training.config import OptimizerConfig
from zfkeras.training.run import dry_run, run_experiment


def mean_of(split, keys):
    return np.mean([np.asarray(decode(split.read(key)), float) for key in keys], axis=0)


def test_a_run_leaves_all_that_was_promised(finished):
    workdir, results, _ = finished
    assert {path.name for path in workdir.iterdir()} == {
        *("checkpoints", "config.json", "mean_image.npy", "metrics.jsonl"),
        *("model.keras", "results.json", "snapshots", "tensorboard", "training.png"),
    }
    rows = metrics_of(workdir)
    assert [(row["epoch"], row["step"]) for row in rows] == [(1, 5), (2, 10)]
    assert next(iter(rows[0])) == "step"
    assert read_json(workdir / "results.json") == results
    assert results["held_out"]["num_images"] == 4
    assert results["last_epoch"][0]["epoch"] == 2


def test_the_model_file_takes_images_as_the_run_did(finished, folder):
    workdir, results, _ = finished
    classifier = zfkeras.load(workdir / results["model"])
    assert classifier.class_names == ("cat", "dog")
    assert classifier.preprocessing.input_scale == 1 / 64
    # The mean image is that of the images learnt from, without those held out.
    train, _ = open_source(f"folder:{folder}").split("train").carve(0.15, 0)
    found = classifier.preprocessing.mean_image
    np.testing.assert_allclose(found, mean_of(train, train.keys), atol=1e-3)
    assert np.array_equal(found, np.load(workdir / "mean_image.npy"))
    saved = json.loads((workdir / "config.json").read_text())
    assert classifier.made["config"] == saved["config"]
    assert classifier.made["errors"] == {"held_out": results["held_out"]}
    assert classifier.made["environment"]["keras"]


def test_a_snapshot_is_the_network_at_the_end_of_its_epoch(finished):
    workdir, _, weights = finished
    (path,) = (workdir / "snapshots").iterdir()
    snapshot = zfkeras.load(path)
    assert path.name == "epoch-001.keras" and snapshot.made["errors"]["epoch"] == 1
    assert all(map(np.array_equal, snapshot.model.get_weights(), weights))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": {"kernel_initializer": "no"}}, "must be 'paper' or a Keras"),
        ({"variant": "vgg"}, "must be one of zfnet, "),
        ({"data": {"validation_fraction": 0.999}}, "leaves no images of --data folder"),
        # The annealing would follow the training error in silence.
        ({"data": {"validation_fraction": 0.01}}, "=0.01 holds out none of the 24 "),
        ({"data": {"num_classes": 3}}, "from 2 to 2"),
        ({"data": {"leave_out": __file__}}, "which names none of them"),
        ({"data": {"soft_labels": __file__}}, "ids and probabilities in a .npz file"),
        ({"optimizer": OptimizerConfig(float("nan"))}, "optimizer.learning_rate must"),
    ],
)
def test_a_refused_request_leaves_no_trace(folder, tmp_path, changes, message):
    config = tiny_config(folder, **changes)
    with pytest.raises(UsageError, match=message):
        run_experiment(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(UsageError, match=message):
        dry_run(config)


def test_validation_images_are_reported_on_steer_nothing_and_have_a_limit(tmp_path):
    image_folder(tmp_path / "data" / "train", per_class=40)
    image_folder(tmp_path / "data" / "val", per_class=5)
    (tmp_path / "data" / "val" / "cat" / "03.jpg").write_bytes(b"")
    # One of 10 is too many, although one of all 90 would not be.
    config = tiny_config(tmp_path / "data", data={"max_bad_fraction": 0.05})
    with pytest.raises(RunError, match=r"1 of 10 .*val/cat/03\.jpg.*--max-bad-fract"):
        run_experiment(config, tmp_path / "run")
    # The same run may go on with a higher limit.
    config = tiny_config(tmp_path / "data", data={"max_bad_fraction": 0.1})
    results = run_experiment(config, tmp_path / "run")
    assert results["bad_images"]["images"] == {"val/cat/03.jpg": "empty file"}
    assert results["validation"]["num_images"] == 9
    held_out = results["held_out"]["centre_crop"]
    (row,) = results["last_epoch"]
    assert row["validation_top1_error"] == held_out["top1_error"]
    steering = final_state(tmp_path / "run")[1]["schedule"]["best"]
    assert steering == held_out["top1_error"]
    classifier = zfkeras.load(tmp_path / "run" / "model.keras")
    assert classifier.made["errors"] == {
        key: results[key] for key in ("validation", "held_out")
    }
    # The reported error is that of the network in the file.
    paths = sorted((tmp_path / "data" / "val").glob("*/*.jpg"))
    paths = [path for path in paths if path.stat().st_size]
    answers = classifier.predict(paths).argmax(axis=1)
    truth = [path.parent.name == "dog" for path in paths]
    assert results["validation"]["centre_crop"]["top1_error"] == np.mean(
        answers != truth
    )


def test_listed_images_are_not_learnt_from_and_without_any_the_training_error_steers(
    folder, tmp_path
):
    listed = tmp_path / "leave_out.txt"
    listed.write_text("cat/00.jpg\ndog/03.jpg\r\n\nof another set.jpg\n")
    data = {"leave_out": str(listed), "validation_fraction": 0.0}
    results = run_experiment(tiny_config(folder, data=data), tmp_path / "run")
    split = open_source(f"folder:{folder}").split("train")
    names = [name.decode() for name in split.names]
    keys = [
        key
        for key, name in zip(split.keys, names, strict=True)
        if name not in ("cat/00.jpg", "dog/03.jpg")
    ]
    found = np.load(tmp_path / "run" / "mean_image.npy")
    np.testing.assert_allclose(found, mean_of(split, keys), atol=1e-3)
    (row,) = results["last_epoch"]
    assert row["step"] == 22 // 4
    assert "held_out" not in results and "validation_top1_error" not in row
    steering = final_state(tmp_path / "run")[1]["schedule"]["best"]
    assert steering == row["train_top1_error"]


def test_soft_labels_that_say_what_the_labels_say_change_nothing(folder, tmp_path):
    split = open_source(f"folder:{folder}").split("train")
    path = tmp_path / "soft.npz"
    np.savez(path, ids=split.names, probabilities=np.eye(2)[split.labels])
    rows = []
    for soft_labels in (None, str(path)):
        workdir = tmp_path / f"run{len(rows)}"
        data = {"soft_labels": soft_labels}
        run_experiment(tiny_config(folder, data=data), workdir)
        (row,) = metrics_of(workdir)
        rows.append(row)
    plain, soft = rows
    assert plain.keys() == soft.keys() and plain["train_loss"] > 0
    for key, value in plain.items():
        assert soft[key] == pytest.approx(value, rel=1e-5)


def test_a_damaged_mean_image_is_computed_anew(finished, folder, tmp_path, caplog):
    workdir = shutil.copytree(finished[0], tmp_path / "run")
    path = workdir / "mean_image.npy"
    before = path.read_bytes()
    path.write_bytes(before[:1000])
    config = tiny_config(folder, WITH_DROPOUT, epochs=2, snapshot_epochs=(1,))
    assert run_experiment(config, workdir) == finished[1]
    assert path.read_bytes() == before
    assert f"{path} is damaged" in caplog.text


def test_a_finished_run_goes_on_for_more_epochs_with_the_same_mean_image(
    finished, folder, tmp_path, monkeypatch
):
    workdir = shutil.copytree(finished[0], tmp_path / "run")
    monkeypatch.delattr(mean_image, "compute_mean_image")
    results = run_experiment(tiny_config(folder, WITH_DROPOUT, epochs=3), workdir)
    assert results["epochs"] == 3
    assert [row["epoch"] for row in metrics_of(workdir)] == [1, 2, 3]


class Stop(keras.callbacks.Callback):
    """Notes all logs and stops after the second epoch."""

    def on_train_begin(self, logs=None):
        self.seen, self.steps = [], 0

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append((epoch, logs))
        self.model.stop_training = epoch == 1


def test_keras_schedules_and_callbacks_work_as_in_fit_in_half_precision(
    folder, tmp_path
):
    stop = Stop()
    log = keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay(
        [4, 8], [0.01, 0.02, 0.03]
    )
    config = tiny_config(folder, epochs=5, mixed_precision="float16")
    run = tmp_path / "run"
    run_experiment(config, run, schedule=schedule, callbacks=[stop, log])
    rows = metrics_of(run)
    assert [row["learning_rate"] for row in rows] == pytest.approx([0.02, 0.03])
    assert [epoch for epoch, _ in stop.seen] == [0, 1] and stop.steps == 10
    for (_, logs), row in zip(stop.seen, rows, strict=True):
        assert logs["train_loss"] == row["train_loss"]
        assert logs["validation_top1_error"] == row["validation_top1_error"]
    assert (tmp_path / "log.csv").read_text().startswith("epoch,images_per_second,")
    # The schedule belongs to the experiment.
    with pytest.raises(UsageError, match="holds a run with schedule"):
        run_experiment(config, run)
    # The file's weights are those that were trained, in full precision.
    model = zfkeras.load(run / "model.keras").model
    assert model.dtype_policy.name == "float32"
    assert model.get_layer("conv1").compute_dtype == "float32"
    trained, _ = final_state(run)
    kernel = model.get_layer("conv1").kernel
    assert any(np.array_equal(kernel, array) for array in trained.values())


@pytest.mark.slow
def test_a_run_learns_the_same_from_cached_squares(tmp_path, monkeypatch):
    folder = write_tree(
        tmp_path / "images",
        {f"{n % 2}/{n}.png": png(noise(n, 70, 90)) for n in range(24)},
    )
    config = tiny_config(folder)
    (tmp_path / "no-folder").touch()
    for name in ("no-folder", "cache"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))
        run_experiment(config, tmp_path / f"run-{name}")
    assert len([*(tmp_path / "cache").rglob("*.tfrecord")]) == 1
    assert_same_run(tmp_path / "run-cache", tmp_path / "run-no-folder")
    # The images of a run are the files: it goes on where the cache is gone.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "no-folder"))
    longer = dataclasses.replace(config, epochs=2)
    assert run_experiment(longer, tmp_path / "run-cache")["epochs"] == 2
