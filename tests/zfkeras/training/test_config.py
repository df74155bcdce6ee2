import json

import pytest

import zfkeras
from zfkeras import configs
from zfkeras.errors import UsageError
from zfkeras.models.variants import VARIANTS
from zfkeras.training.config import (
    TrainConfig,
    check,
    keys_of,
    with_overrides,
    with_values,
)
from zfkeras.training.schedule import make_schedule


@pytest.mark.parametrize("name", configs.names())
def test_every_experiment_is_sound(name):
    config = configs.get_config(name)
    assert config.name == name
    assert config.model.variant in VARIANTS
    make_schedule(config)
    assert json.loads(json.dumps(config.to_json())) == config.to_json()


def test_the_imagenet_recipe_is_the_paper_s():
    config = configs.get_config("zfnet_imagenet")
    assert config.optimizer.learning_rate == 0.01
    assert config.optimizer.momentum == 0.9
    assert (config.batch_size, config.epochs) == (128, 70)
    assert config.model.dropout == 0.5
    assert config.model.max_filter_rms == 0.1
    assert config.model.kernel_initializer == "paper"
    assert config.data.input_scale == 1
    assert config.snapshot_epochs == (1, 2, 5, 10, 20, 30, 40, 64)


@pytest.mark.parametrize(
    ("assignment", "section", "key", "value"),
    [
        ("data.min_crop_area=0.5", "data", "min_crop_area", 0.5),
        ("data.min_crop_area=none", "data", "min_crop_area", None),
        ("data.num_classes=7", "data", "num_classes", 7),
        ("data.source=folder:a=b", "data", "source", "folder:a=b"),
        ("model.max_filter_rms=None", "model", "max_filter_rms", None),
    ],
)
def test_a_setting_takes_the_type_of_its_field(assignment, section, key, value):
    config = with_overrides(TrainConfig("x"), [assignment])
    assert getattr(getattr(config, section), key) == value


@pytest.mark.parametrize("name", configs.names())
def test_every_key_takes_back_its_own_value(name):
    config = configs.get_config(name)
    for key in keys_of(config):
        value = config
        for part in key.split("."):
            value = getattr(value, part)
        text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        assert with_overrides(config, [f"{key}={text}"]) == config, key


def test_a_setting_changes_nothing_else():
    config = TrainConfig("x")
    made = with_overrides(config, ["optimizer.momentum=0.5", "seed=3"])
    before, after = config.to_json(), made.to_json()
    assert after.pop("seed") == 3 and before.pop("seed") == 0
    assert after["optimizer"].pop("momentum") == 0.5
    assert before["optimizer"].pop("momentum") == 0.9
    assert after == before


def test_an_unknown_key_lists_the_keys():
    with pytest.raises(UsageError) as caught:
        with_overrides(TrainConfig("x"), ["lr=1"])
    assert caught.value.received == "lr"
    assert "optimizer.learning_rate" in caught.value.expected
    assert "schedule.patience_epochs" in keys_of(TrainConfig("x"))


@pytest.mark.parametrize(
    ("assignment", "argument", "received", "expected"),
    [
        ("epochs=many", "--set epochs", "many", "a whole number"),
        ("optimizer.momentum=high", "--set optimizer.momentum", "high", "a number"),
        ("snapshot_epochs=1,x", "--set snapshot_epochs", "1,x", "whole numbers"),
        ("epochs", "--set", "epochs", "KEY=VALUE"),
        ("optimizer=3", "--set key", "optimizer", "one of "),
    ],
)
def test_a_bad_assignment_is_explained(assignment, argument, received, expected):
    with pytest.raises(UsageError) as caught:
        with_overrides(TrainConfig("x"), [assignment])
    error = caught.value
    assert (error.argument, error.received) == (argument, received)
    assert error.expected.startswith(expected)


@pytest.mark.parametrize(
    "assignment",
    [
        "epochs=0",
        "seed=-1",
        "seed=4294967296",
        "snapshot_epochs=0,1",
        "mixed_precision=int8",
        "model.dropout=1",
        "model.max_filter_rms=0",
        "model.max_filter_rms=inf",
        "data.validation_fraction=2",
        "data.input_scale=inf",
        "data.min_crop_area=0",
        "data.max_reduction=1",
        "optimizer.learning_rate=nan",
        "schedule.kind=step",
        "schedule.factor=1",
    ],
)
def test_a_setting_out_of_range_is_named(assignment):
    key = assignment.partition("=")[0]
    config = with_overrides(TrainConfig("x"), [assignment])
    with pytest.raises(UsageError) as caught:
        check(config)
    assert caught.value.argument == key


def test_values_of_none_change_nothing():
    config = configs.get_config("zfnet_shapes")
    given = {"epochs": 3, "seed": None, "model.weights": "none", "snapshot_epochs": ""}
    changed = with_values(config, given)
    assert (changed.epochs, changed.seed) == (3, config.seed)
    assert (changed.model.weights, changed.snapshot_epochs) == (None, ())
    assert config.model.weights == "quarter"


def test_a_configuration_is_changed_by_the_names_of_set():
    changes = {
        "epochs": 3,
        "model.max_filter_rms": None,
        "snapshot_epochs": (1, 3),
        "data.source": "folder:x",
    }
    config = zfkeras.get_config("zfnet_shapes", changes)
    assert (config.epochs, config.snapshot_epochs) == (3, (1, 3))
    assert config.model.max_filter_rms is None and config.data.source == "folder:x"
    assert config.optimizer == zfkeras.get_config("zfnet_shapes").optimizer
    with pytest.raises(UsageError, match="must be one of .*epochs"):
        zfkeras.get_config("zfnet_shapes", {"lr": 1})
