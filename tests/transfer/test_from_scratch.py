import dataclasses

import numpy as np
import pytest

import zfkeras
from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree
from transfer import from_scratch
from transfer.from_scratch import FromScratch
from transfer.paper import Accuracy
from transfer.protocols import folds
from zfkeras.data.sources import open_source
from zfkeras.data.splits import Split
from zfkeras.errors import UsageError

NAMES = ("dark", "light")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Two classes that brightness tells apart."""
    files = {
        f"{name}/{i}.png": png(noise(50 * label + i, 64, 64) // 8 + 200 * label)
        for label, name in enumerate(NAMES)
        for i in range(12)
    }
    folder = write_tree(tmp_path_factory.mktemp("images"), files)
    return open_source(f"folder:{folder}")


@pytest.fixture
def pretrained(model_file):
    return zfkeras.load(model_file)


ARM = FromScratch(
    n_train_per_class=(8,),
    n_folds=2,
    with_background=True,
    epochs=8,
    seed=0,
    batch_size=4,
)


def test_it_learns_from_each_folds_images_and_resumes(
    source, pretrained, tmp_path, monkeypatch
):
    seen, original = [], from_scratch.run_experiment

    def watched(config, folder, source):
        seen.append((config, source.split("train")))
        if len(seen) == 2:
            raise KeyboardInterrupt
        return original(config, folder, source=source)

    monkeypatch.setattr(from_scratch, "run_experiment", watched)
    with pytest.raises(KeyboardInterrupt):
        ARM.run(source, pretrained, tmp_path)
    before = pretrained.model.get_weights()
    (row,) = ARM.run(source, pretrained, tmp_path)
    # The first fold is known; the second is run again.
    assert len(seen) == 3
    split = source.split("train")
    expected = folds(split.labels, 8, class_names=source.class_names, n_folds=2)
    for (config, learnt), fold in zip(seen[::2], expected, strict=True):
        assert np.array_equal(learnt.names, split.names[fold.train])
        assert config.model.variant == pretrained.model.name
        assert config.schedule.kind == "cosine"
        assert config.data.validation_fraction == 0
    assert [config.seed for config, _ in seen] == [0, 1, 1]
    assert len(row["accuracies"]) == 2
    assert row["mean"] == pytest.approx(np.mean(row["accuracies"]))
    assert row["mean"] > 0.7 and row["paper"] is None
    assert not any((tmp_path / "from_scratch").iterdir())
    after = pretrained.model.get_weights()
    assert all(map(np.array_equal, before, after))


def test_other_settings_are_other_runs(source, pretrained, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(from_scratch, "_run", lambda *a: calls.append(a) or 0.5)
    for arm, number in (
        (ARM, 2),
        (ARM, 0),
        (dataclasses.replace(ARM, n_folds=3), 1),
        (dataclasses.replace(ARM, epochs=9), 2),
        (dataclasses.replace(ARM, n_train_per_class=(7, 8)), 2),
    ):
        calls.clear()
        rows = arm.run(source, pretrained, tmp_path)
        assert len(calls) == number
        assert [len(row["accuracies"]) for row in rows] == [arm.n_folds] * len(rows)


def test_a_fold_is_noted_before_its_run_is_removed(
    source, pretrained, tmp_path, monkeypatch
):
    # Previously a kill in between lost the fold.
    folder = tmp_path / "from_scratch" / "8-0"

    def run(*arguments):
        folder.mkdir(parents=True, exist_ok=True)
        return 0.5

    def dies(path, **_):
        raise KeyboardInterrupt

    monkeypatch.setattr(from_scratch, "_run", run)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(from_scratch.shutil, "rmtree", dies)
        ARM.run(source, pretrained, tmp_path)
    calls = []
    monkeypatch.setattr(from_scratch, "_run", lambda *a: calls.append(a) or 0.25)
    (row,) = ARM.run(source, pretrained, tmp_path)
    assert row["accuracies"] == [0.5, 0.25] and len(calls) == 1
    assert not folder.exists()


def test_the_papers_arm_stands_beside(source, pretrained, tmp_path, monkeypatch):
    monkeypatch.setattr(from_scratch, "_run", lambda *a: 0.25)
    monkeypatch.setattr(from_scratch, "FROM_SCRATCH", {"set": {8: Accuracy(0.4, 0.1)}})
    monkeypatch.setattr(from_scratch, "reported_set", lambda spec, number: "set")
    arm = dataclasses.replace(ARM, n_train_per_class=(7, 8), n_folds=1)
    called = dataclasses.replace(source, spec="set:somewhere")
    seven, eight = arm.run(called, pretrained, tmp_path)
    assert seven["paper"] is None and seven["std"] is None
    assert eight["paper"] == {"mean": 0.4, "std": 0.1}


def test_images_that_cannot_be_picked_are_refused(source, pretrained, tmp_path):
    class Streamed(Split):
        num_examples = 24
        stream = read = carve = first_classes = None

    streamed = dataclasses.replace(source, splits={"train": Streamed()})
    with pytest.raises(UsageError, match="picked one by one"):
        ARM.run(streamed, pretrained, tmp_path)
