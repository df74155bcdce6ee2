import dataclasses
import json
import shutil

import numpy as np
import pytest

import zfkeras
from tests.helpers.runs import image_folder, tiny_config
from zfkeras.errors import RunError, UsageError
from zfkeras.training import run as experiment
from zfkeras.training.config import OptimizerConfig
from zfkeras.training.run import dry_run, run_experiment


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return image_folder(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def finished(folder, tmp_path_factory):
    """The workdir of a run that nothing disturbed; to be copied."""
    workdir = tmp_path_factory.mktemp("run")
    run_experiment(small(folder), workdir)
    return workdir


def small(folder, variant="zfnet_quarter_without_6_7", **changes):
    """One epoch of a small network; keys of `data` and `model` go by section."""
    config = tiny_config(folder, epochs=1)
    model = dataclasses.replace(config.model, variant=variant)
    model = dataclasses.replace(model, **changes.pop("model", {}))
    data = dataclasses.replace(config.data, **changes.pop("data", {}))
    return dataclasses.replace(config, model=model, data=data, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": {"kernel_initializer": "no"}}, "must be 'paper' or a Keras"),
        ({"model": {"variant": "vgg"}}, "must be one of zfnet, "),
        ({"data": {"validation_fraction": 0.999}}, "leaves no images of --data folder"),
        # Previously the annealing followed the training error in silence.
        (
            {"data": {"validation_fraction": 0.01}},
            "=0.01 holds out none of the 24 .*; make it larger, or 0 to learn",
        ),
        ({"data": {"num_classes": 3}}, "from 2 to 2"),
        ({"optimizer": OptimizerConfig(float("nan"))}, "optimizer.learning_rate must"),
    ],
)
def test_a_request_that_is_refused_leaves_no_trace(folder, tmp_path, changes, message):
    # Previously config.json was there, and the mended command was refused, too.
    config = small(folder, **changes)
    with pytest.raises(UsageError, match=message):
        run_experiment(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(UsageError, match=message):
        dry_run(config)


def test_the_limit_of_bad_images_may_be_raised_as_the_message_says(tmp_path):
    # Previously refused as another experiment.
    folder = image_folder(tmp_path / "images")
    (folder / "dog" / "05.jpg").write_bytes(b"no image")
    with pytest.raises(RunError, match="or raise --max-bad-fraction"):
        run_experiment(small(folder), tmp_path / "run")
    config = small(folder, data={"max_bad_fraction": 0.1})
    results = run_experiment(config, tmp_path / "run")
    assert results["bad_images"]["count"] == 1


def test_a_validation_set_is_held_to_the_limit_by_itself(tmp_path):
    # Previously its bad images were never counted against any limit.
    image_folder(tmp_path / "data" / "train", per_class=40)
    image_folder(tmp_path / "data" / "val", per_class=5)
    (tmp_path / "data" / "val" / "cat" / "03.jpg").write_bytes(b"")
    config = small(tmp_path / "data", data={"max_bad_fraction": 0.05})
    with pytest.raises(RunError, match=r"1 of 10 .*val/cat/03\.jpg"):
        run_experiment(config, tmp_path / "run")
    config = small(tmp_path / "data", data={"max_bad_fraction": 0.1})
    results = run_experiment(config, tmp_path / "run")
    assert results["bad_images"]["images"] == {"val/cat/03.jpg": "empty file"}
    assert results["validation"]["num_images"] == 9


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:1000]),
        lambda path: np.save(path, np.zeros((8, 8, 3), np.float32)),
    ],
)
def test_a_damaged_mean_image_is_computed_anew(
    finished, folder, tmp_path, damage, caplog
):
    # Previously a traceback.
    workdir = shutil.copytree(finished, tmp_path / "run")
    path = workdir / "mean_image.npy"
    before = path.read_bytes()
    damage(path)
    run_experiment(small(folder), workdir)
    assert path.read_bytes() == before
    assert f"{path} is damaged" in caplog.text


def test_the_mean_image_is_computed_once_a_run(finished, folder, tmp_path, monkeypatch):
    workdir = shutil.copytree(finished, tmp_path / "run")
    monkeypatch.delattr(experiment, "compute_mean_image")
    assert run_experiment(small(folder, epochs=2), workdir)["epochs"] == 2


def test_the_model_file_takes_images_as_the_run_did(folder, tmp_path):
    run_experiment(small(folder, data={"input_scale": 1 / 32}), tmp_path)
    classifier = zfkeras.load(tmp_path / "model.keras")
    assert classifier.class_names == ("cat", "dog")
    assert classifier.preprocessing.input_scale == 1 / 32
    np.testing.assert_array_equal(
        classifier.preprocessing.mean_image, np.load(tmp_path / "mean_image.npy")
    )
    made = classifier.made
    assert (
        made["config"] == json.loads((tmp_path / "config.json").read_text())["config"]
    )
    assert made["errors"].keys() == {"held_out"}
    assert made["environment"]["keras"]


def test_an_official_validation_set_is_reported_on_and_steers_nothing(tmp_path):
    image_folder(tmp_path / "data" / "train")
    image_folder(tmp_path / "data" / "val", per_class=5)
    results = run_experiment(small(tmp_path / "data"), tmp_path / "run")
    assert results["validation"]["num_images"] == 10
    assert results["held_out"]["num_images"] == 4
    (row,) = results["last_epoch"]
    held_out = results["held_out"]["centre_crop"]
    assert row["validation_top1_error"] == held_out["top1_error"]
    assert row["validation_top5_error"] == held_out["top5_error"]
    classifier = zfkeras.load(tmp_path / "run" / "model.keras")
    assert classifier.made["errors"] == {
        key: results[key] for key in ("validation", "held_out")
    }
    # The reported error is that of the network in the file.
    paths = sorted((tmp_path / "data" / "val").glob("*/*.jpg"))
    answers = classifier.predict(paths).argmax(axis=1)
    wrong = [
        answer != (path.parent.name == "dog")
        for answer, path in zip(answers, paths, strict=True)
    ]
    assert results["validation"]["centre_crop"]["top1_error"] == np.mean(wrong)


def test_without_held_out_images_the_training_error_steers(
    folder, tmp_path, monkeypatch
):
    from zfkeras.training.schedule import Plateau

    seen = []
    monkeypatch.setattr(Plateau, "observe", lambda self, error: seen.append(error))
    config = small(folder, data={"validation_fraction": 0.0})
    results = run_experiment(config, tmp_path)
    assert "held_out" not in results
    (row,) = results["last_epoch"]
    assert "validation_top1_error" not in row
    assert seen == [row["train_top1_error"]]
    assert row["step"] == 24 // 4


def test_images_of_several_classes_are_refused(photographs, tmp_path):
    config = small(
        tmp_path, data={"source": f"voc2012:{photographs}/voc2012-subset.zip"}
    )
    with pytest.raises(UsageError, match="whose images show several"):
        run_experiment(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_listed_images_are_not_learnt_from(folder, tmp_path, monkeypatch):
    listed = tmp_path / "leave_out.txt"
    listed.write_text("cat/00.jpg\ndog/03.jpg\r\n\nof another set.jpg\n")
    learnt = []

    def note(split, *args, **kwargs):
        learnt.extend(row["id"].decode() for row in split.stream().as_numpy_iterator())
        return compute_mean_image(split, *args, **kwargs)

    compute_mean_image = experiment.compute_mean_image
    monkeypatch.setattr(experiment, "compute_mean_image", note)
    data = {"leave_out": str(listed), "validation_fraction": 0.0}
    run_experiment(small(folder, data=data), tmp_path / "run")
    whole = {path.relative_to(folder).as_posix() for path in folder.glob("*/*")}
    assert sorted(learnt) == sorted(whole - {"cat/00.jpg", "dog/03.jpg"})


def test_a_list_that_names_no_training_image_is_refused(folder, tmp_path):
    listed = tmp_path / "leave_out.txt"
    listed.write_text("of another set.jpg\n")
    config = small(folder, data={"leave_out": str(listed)})
    with pytest.raises(UsageError, match="which names none of them"):
        run_experiment(config, tmp_path / "run")
    config = small(folder, data={"leave_out": str(tmp_path / "none.txt")})
    with pytest.raises(FileNotFoundError, match="none.txt"):
        run_experiment(config, tmp_path / "run")
