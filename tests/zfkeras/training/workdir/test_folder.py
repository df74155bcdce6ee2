import json

import pytest

from zfkeras.errors import UsageError
from zfkeras.training.workdir.folder import Workdir

CONFIG = {"epochs": 3, "data": {"source": "shapes", "max_bad_fraction": 0.01}}


IMAGES = {
    "class_names": "x",
    "train": {"count": 90, "digest": "a"},
    "held_out": {"count": 10, "digest": "b"},
}


def started(path, config=CONFIG, images=IMAGES, **options):
    workdir = Workdir(path)
    workdir.start(config, images, **options)
    return workdir


def changed(**changes):
    data = {**CONFIG["data"], **changes.pop("data", {})}
    return {**CONFIG, **changes, "data": data}


def test_the_same_configuration_may_start_again(tmp_path):
    started(tmp_path / "a" / "b")
    saved = json.loads((tmp_path / "a" / "b" / "config.json").read_text())
    assert saved["config"] == CONFIG
    assert saved["command"] and saved["environment"]["keras"]
    started(tmp_path / "a" / "b")


@pytest.mark.parametrize(
    "changes",
    [
        {"epochs": 9, "checkpoint_steps": 5, "snapshot_epochs": [1]},
        {"data": {"max_bad_fraction": 0.5}},
        # The same images may lie elsewhere.
        {"data": {"source": "folder:x", "leave_out": "y.txt"}},
    ],
)
def test_what_does_not_change_the_experiment_may_change(tmp_path, changes):
    started(tmp_path)
    started(tmp_path, changed(**changes))
    saved = json.loads((tmp_path / "config.json").read_text())
    assert saved["config"] == changed(**changes)


def test_another_experiment_is_refused_with_both_values(tmp_path):
    started(tmp_path)
    before = (tmp_path / "config.json").read_bytes()
    with pytest.raises(UsageError, match="with data.input_scale=None, not 2; use"):
        started(tmp_path, changed(data={"input_scale": 2}))
    assert (tmp_path / "config.json").read_bytes() == before


@pytest.mark.parametrize(
    ("part", "now", "said"),
    [
        ("train", {"count": 95, "digest": "c"}, "90 images to learn from, now 95"),
        ("held_out", {"count": 10, "digest": "c"}, "10 images held out, now 10 other"),
    ],
)
def test_other_images_are_refused_unless_accepted(tmp_path, part, now, said):
    started(tmp_path)
    images = {**IMAGES, part: now}
    with pytest.raises(UsageError, match=said):
        started(tmp_path, images=images)
    started(tmp_path, images=images, accept_other_images=True)
    started(tmp_path, images=images)
    # Other classes are refused whatever is accepted.
    images = {**IMAGES, "class_names": "y"}
    with pytest.raises(UsageError, match="other classes"):
        started(tmp_path, images=images, accept_other_images=True)


def fill(folder):
    """Leaves everything a run leaves, and a file of the user's."""
    for name in ("checkpoints", "snapshots", "tensorboard"):
        (folder / name).mkdir()
        (folder / name / "file").write_text("old")
    files = ("metrics.jsonl", "results.json", "mean_image.npy", "model.keras")
    for name in (*files, "notes.txt"):
        (folder / name).write_text("old")


def test_overwrite_forgets_the_run_and_nothing_else(tmp_path):
    started(tmp_path)
    fill(tmp_path)
    started(tmp_path, changed(seed=1), overwrite=True)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["config.json", "notes.txt"]
    assert json.loads((tmp_path / "config.json").read_text())["config"]["seed"] == 1


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("left", ["checkpoints", "mean_image.npy", "metrics.jsonl"])
def test_a_run_without_its_config_is_not_taken_up(tmp_path, left, overwrite):
    started(tmp_path)
    fill(tmp_path)
    for name in ("config.json", "checkpoints", "mean_image.npy", "metrics.jsonl"):
        if name != left:
            (tmp_path / name).rename(tmp_path / f"{name}.aside")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError, match=f"holds {left} of a run but no config.json"):
        started(tmp_path, changed(seed=1), overwrite=overwrite)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"config": 3}'])
@pytest.mark.parametrize("overwrite", [False, True])
def test_the_config_json_of_something_else_is_refused(tmp_path, content, overwrite):
    (tmp_path / "config.json").write_text(content)
    fill(tmp_path)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    with pytest.raises(UsageError, match=r"config\.json is not a run's"):
        started(tmp_path, overwrite=overwrite)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_a_file_is_no_workdir(tmp_path):
    path = tmp_path / "file"
    path.write_text("precious")
    with pytest.raises(UsageError, match="--workdir must be a folder"):
        started(path, overwrite=True)
    assert path.read_text() == "precious"


def test_metrics_are_one_row_a_line(tmp_path):
    workdir = started(tmp_path)
    rows = [{"step": n, "epoch": n, "loss": n / 4} for n in (1, 2)]
    workdir.write_metrics(rows)
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == rows
