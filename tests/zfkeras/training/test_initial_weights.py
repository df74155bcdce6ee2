import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import zfkeras
from tests.helpers.networks import make_classifier
from tests.helpers.runs import image_folder, tiny_config
from zfkeras.errors import UsageError
from zfkeras.training.config import OptimizerConfig
from zfkeras.training.distributed.workers import Workers
from zfkeras.training.initial_weights import start_from
from zfkeras.training.network import build_model
from zfkeras.training.run import dry_run, run_experiment

VARIANT = "zfnet_quarter_without_6_7"
NAMES = ("cat", "dog")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return image_folder(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A network that no random start of a run would give."""
    path = tmp_path_factory.mktemp("trained") / "model.keras"
    make_classifier(7, NAMES).save(path)
    return path


def config_of(folder, weights, variant=VARIANT, input_scale=1 / 64):
    config = tiny_config(folder, epochs=1)
    return dataclasses.replace(
        config,
        model=dataclasses.replace(
            config.model,
            variant=variant,
            weights=None if weights is None else str(weights),
        ),
        data=dataclasses.replace(config.data, input_scale=input_scale),
    )


def started(config, class_names=NAMES):
    model = build_model(config, len(class_names), "float32")
    start_from(config, model, class_names, Workers(tf.distribute.get_strategy()))
    return model


def all_equal(one, other):
    return all(map(np.array_equal, one.get_weights(), other.get_weights()))


def test_the_same_classes_take_every_weight(folder, trained):
    model = started(config_of(folder, trained))
    assert all_equal(model, zfkeras.load(trained).model)


@pytest.mark.parametrize("names", [("dog", "cat"), ("cat", "dog", "emu")])
def test_other_classes_get_a_softmax_of_their_own(names, folder, trained):
    model, before = started(config_of(folder, trained), names), zfkeras.load(trained)
    for number in range(1, 6):
        name = f"conv{number}"
        assert all_equal(model.get_layer(name), before.model.get_layer(name))
    kernel, bias = model.get_layer("predictions").get_weights()
    # Random as at the start of any run, N(0, 0.01^2), not the trained one's.
    assert kernel.shape[1] == len(names)
    assert kernel.std() == pytest.approx(0.01, rel=0.1) and not bias.any()
    taken = before.model.get_layer("predictions").get_weights()[0]
    assert not np.array_equal(kernel[:, :2], taken)


def test_no_name_leaves_random_weights(folder):
    config = config_of(folder, None)
    model = build_model(config, 2, "float32")
    before = model.get_weights()
    start_from(config, model, NAMES, Workers(tf.distribute.get_strategy()))
    assert all(map(np.array_equal, before, model.get_weights()))


def test_the_network_in_the_box_goes_by_its_name(folder):
    quarter = zfkeras.load("quarter")
    config = config_of(folder, "quarter", "zfnet_quarter")
    assert all_equal(started(config, quarter.class_names), quarter.model)


def test_a_run_goes_on_from_the_weights_and_says_so(folder, trained, tmp_path):
    config = config_of(folder, trained)
    # Nothing moves but by the rate, not even by the bound on the filters.
    still = dataclasses.replace(
        config,
        model=dataclasses.replace(config.model, max_filter_rms=None),
        optimizer=OptimizerConfig(learning_rate=1e-9),
    )
    results = run_experiment(still, tmp_path / "run")
    ended = zfkeras.load(tmp_path / "run" / results["model"])
    for found, wanted in zip(
        ended.model.get_weights(),
        zfkeras.load(trained).model.get_weights(),
        strict=True,
    ):
        np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert ended.made["config"]["model"]["weights"] == str(trained)
    # The mean image is that of the run's own images.
    mean = np.load(tmp_path / "run" / "mean_image.npy")
    assert np.array_equal(ended.preprocessing.mean_image, mean)


def test_a_run_that_is_taken_up_keeps_what_it_learnt(folder, trained, tmp_path, caplog):
    caplog.set_level("INFO")
    config = config_of(folder, trained)
    run_experiment(config, tmp_path / "run")
    run_experiment(config, tmp_path / "run")
    assert "all 1 epochs are done" in caplog.text
    assert "resuming at epoch" not in caplog.text
    run_experiment(dataclasses.replace(config, epochs=2), tmp_path / "run")
    assert "resuming at epoch 2, step " in caplog.text
    run_experiment(dataclasses.replace(config, epochs=2), tmp_path / "whole")
    one, other = (zfkeras.load(tmp_path / n / "model.keras") for n in ("run", "whole"))
    assert all_equal(one.model, other.model)
    assert not all_equal(one.model, zfkeras.load(trained).model)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"variant": "zfnet_quarter"},
            "layers of zfnet_quarter. Received: a zfnet_quarter_without_6_7, which "
            "differs in fc6, fc7, predictions",
        ),
        (
            {"variant": "zfnet_quarter_without_3_4_6_7"},
            r"differs in conv5, conv3, conv4\.",
        ),
        (
            {"input_scale": 1.0},
            r"scaled by 0.015625, not by 1; add --set data.*=0.015625",
        ),
    ],
)
def test_weights_that_do_not_fit_leave_no_trace(
    changes, message, folder, trained, tmp_path
):
    config = config_of(folder, trained, **changes)
    with pytest.raises(UsageError, match=message):
        run_experiment(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(UsageError, match=message):
        dry_run(config)


def test_of_several_workers_only_the_chief_reads(folder, trained, monkeypatch):
    class Other(Workers):
        """A worker that is told what the chief has."""

        is_chief = False

        def __init__(self, arrays):
            self.alone, self.arrays = False, arrays

        def from_chief(self, action):
            return None

        def arrays_from_chief(self, arrays, like):
            assert {n: a.shape for n, a in like.items()} == {
                n: a.shape for n, a in self.arrays.items()
            }
            return self.arrays

    wanted = zfkeras.load(trained).model.get_weights()
    config = config_of(folder, "/a/path/of/the/chief's.keras")
    model = build_model(config, 2, "float32")
    told = {str(place): array for place, array in enumerate(wanted)}
    start_from(config, model, NAMES, Other(told))
    assert all(map(np.array_equal, model.get_weights(), wanted))
