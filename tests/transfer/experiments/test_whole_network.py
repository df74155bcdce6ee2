import dataclasses

import numpy as np
import pytest

import zfkeras
from tests.helpers.networks import make_classifier
from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree
from transfer.experiments import whole_network
from transfer.experiments.caltech import CaltechSettings
from transfer.experiments.whole_network import WholeNetwork, whole_networks
from transfer.protocols.folds import folds
from transfer.reports.paper import Accuracy
from zfkeras.data.register import open_source
from zfkeras.data.split import Split
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


def make_arm(epochs=8, weights=None, **changes):
    usual = {"n_train_per_class": (8,), "folds": 2, "batch_size": 4}
    return WholeNetwork(CaltechSettings(**usual | changes), epochs, weights)


ARM = make_arm()


def test_it_learns_from_each_folds_images_and_resumes(
    source, pretrained, tmp_path, monkeypatch
):
    seen, original = [], whole_network.run_experiment

    def watched(config, folder, source):
        seen.append((config, source.split("train")))
        if len(seen) == 2:
            raise KeyboardInterrupt
        return original(config, folder, source=source)

    monkeypatch.setattr(whole_network, "run_experiment", watched)
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
    monkeypatch.setattr(whole_network, "_run", lambda *a: calls.append(a) or 0.5)
    for arm, number in (
        (ARM, 2),
        (ARM, 0),
        (make_arm(folds=3), 1),
        (make_arm(epochs=9), 2),
        (make_arm(n_train_per_class=(7, 8)), 2),
    ):
        calls.clear()
        rows = arm.run(source, pretrained, tmp_path)
        assert len(calls) == number
        assert [len(row["accuracies"]) for row in rows] == [arm.settings.folds] * len(
            rows
        )


def test_a_fold_is_noted_before_its_run_is_removed(
    source, pretrained, tmp_path, monkeypatch
):
    # Previously a kill in between lost the fold.
    def run(config, source, split, fold, place, batch_size):
        place.mkdir(parents=True, exist_ok=True)
        return 0.5

    def dies(path, **_):
        raise KeyboardInterrupt

    monkeypatch.setattr(whole_network, "_run", run)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(whole_network.shutil, "rmtree", dies)
        ARM.run(source, pretrained, tmp_path)
    calls = []
    monkeypatch.setattr(whole_network, "_run", lambda *a: calls.append(a) or 0.25)
    (row,) = ARM.run(source, pretrained, tmp_path)
    assert row["accuracies"] == [0.5, 0.25] and len(calls) == 1
    assert not any((tmp_path / "from_scratch").iterdir())


def test_the_papers_arm_stands_beside(source, pretrained, tmp_path, monkeypatch):
    monkeypatch.setattr(whole_network, "_run", lambda *a: 0.25)
    monkeypatch.setattr(whole_network, "FROM_SCRATCH", {"set": {8: Accuracy(0.4, 0.1)}})
    monkeypatch.setattr(whole_network, "reported_set", lambda spec, number: "set")
    arm = make_arm(n_train_per_class=(7, 8), folds=1)
    called = dataclasses.replace(source, spec="set:somewhere")
    seven, eight = arm.run(called, pretrained, tmp_path)
    assert seven["paper"] is None and seven["std"] is None
    assert eight["paper"] == {"mean": 0.4, "std": 0.1}


def fine_tuning(path, **changes):
    return make_arm(weights=str(path), **changes)


def test_fine_tuning_starts_from_the_networks_weights(
    source, model_file, tmp_path, monkeypatch
):
    seen, original = [], whole_network.run_experiment

    def watched(config, folder, source):
        seen.append(config)
        return original(config, folder, source=source)

    monkeypatch.setattr(whole_network, "run_experiment", watched)
    pretrained = zfkeras.load(model_file)
    arm = fine_tuning(model_file, folds=1)
    (row,) = arm.run(source, pretrained, tmp_path)
    (config,) = seen
    scratch = ARM.recipe(pretrained, source.spec, 16)
    assert config.model.weights == str(model_file) and scratch.model.weights is None
    assert config.data.input_scale == pretrained.preprocessing.input_scale
    rates = [c.optimizer.learning_rate for c in (config, scratch)]
    assert rates[0] == pytest.approx(rates[1] * whole_network._FINE_TUNING_RATE)
    assert row["mean"] > 0.7 and row["paper"] is None and row["epochs"] == 8
    # The record of one arm is not the other's.
    assert [path.name for path in tmp_path.glob("*.json")] == ["fine_tuned.json"]


def test_another_network_at_the_same_path_is_fine_tuned_anew(
    source, model_file, tmp_path, monkeypatch
):
    calls = []
    monkeypatch.setattr(whole_network, "_run", lambda *a: calls.append(a) or 0.5)
    arm = fine_tuning("model.keras")
    pretrained = zfkeras.load(model_file)
    for expected in (2, 0):
        calls.clear()
        arm.run(source, pretrained, tmp_path)
        assert len(calls) == expected
    other = make_classifier(2, pretrained.class_names)
    arm.run(source, other, tmp_path)
    assert len(calls) == 2


def test_the_arms_that_are_asked_for():
    assert whole_networks(CaltechSettings()) == []
    arms = whole_networks(CaltechSettings(model="m", from_scratch=5, fine_tune=6))
    assert [(a.name, a.epochs, a.weights) for a in arms] == [
        ("from_scratch", 5, None),
        ("fine_tuned", 6, "m"),
    ]


def test_images_that_cannot_be_picked_are_refused(source, pretrained, tmp_path):
    class Streamed(Split):
        num_examples = 24
        stream = read = carve = first_classes = None

    streamed = dataclasses.replace(source, splits={"train": Streamed()})
    with pytest.raises(UsageError, match="picked one by one"):
        ARM.run(streamed, pretrained, tmp_path)
