import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import zfkeras
from tests.helpers.runs import AtStep, tiny_config
from zfkeras.errors import UsageError
from zfkeras.training.config import OptimizerConfig
from zfkeras.training.distributed.workers import Workers
from zfkeras.training.initial_weights import start_from
from zfkeras.training.network import build_model
from zfkeras.training.run import dry_run, run_experiment


@pytest.fixture(scope="module")
def trained(model_file):
    return zfkeras.load(model_file)


def started(config, class_names):
    model = build_model(config, len(class_names), "float32")
    start_from(config, model, class_names, Workers(tf.distribute.get_strategy()))
    return model


def all_equal(one, other):
    return all(map(np.array_equal, one.get_weights(), other.get_weights()))


def test_the_same_classes_take_every_weight(folder, model_file, trained):
    config = tiny_config(folder, model={"weights": str(model_file)})
    assert all_equal(started(config, trained.class_names), trained.model)


@pytest.mark.parametrize("names", [("dog", "cat"), ("cat", "dog", "emu", "fly")])
def test_other_classes_get_a_softmax_of_their_own(names, folder, model_file, trained):
    config = tiny_config(folder, model={"weights": str(model_file)})
    model = started(config, names)
    for number in range(1, 6):
        name = f"conv{number}"
        assert all_equal(model.get_layer(name), trained.model.get_layer(name))
    kernel, bias = model.get_layer("predictions").get_weights()
    # Random as at the start of any run, N(0, 0.01^2), not the trained one's.
    assert kernel.shape[1] == len(names)
    assert kernel.std() == pytest.approx(0.01, rel=0.1) and not bias.any()
    taken = trained.model.get_layer("predictions").get_weights()[0]
    assert not np.array_equal(kernel[:, :2], taken[:, :2])


def test_a_preset_goes_by_its_name_and_no_name_leaves_random_weights(folder):
    quarter = zfkeras.load("quarter")
    config = tiny_config(folder, "zfnet_quarter", model={"weights": "quarter"})
    assert all_equal(started(config, quarter.class_names), quarter.model)
    config = tiny_config(folder)
    model = build_model(config, 2, "float32")
    before = model.get_weights()
    start_from(config, model, ("a", "b"), Workers(tf.distribute.get_strategy()))
    assert all(map(np.array_equal, before, model.get_weights()))


def test_a_run_starts_from_the_weights_and_is_taken_up_from_its_own(
    folder, model_file, trained, tmp_path
):
    seen = []

    def note(model):
        seen.append(model.get_layer("conv1").kernel.numpy())

    # The rate is too low to move the weights in the first run.
    config = tiny_config(
        folder,
        model={"weights": str(model_file), "max_filter_rms": None},
        optimizer=OptimizerConfig(learning_rate=1e-9),
    )
    run_experiment(config, tmp_path / "run", callbacks=[AtStep(1, note)])
    made = zfkeras.load(tmp_path / "run" / "model.keras").made
    assert made["config"]["model"]["weights"] == str(model_file)
    longer = dataclasses.replace(config, epochs=2)
    run_experiment(longer, tmp_path / "run", callbacks=[AtStep(1, note)])
    first, resumed = seen
    wanted = trained.model.get_layer("conv1").kernel.numpy()
    assert np.array_equal(first, wanted)
    assert not np.array_equal(resumed, wanted)
    np.testing.assert_allclose(resumed, wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"variant": "zfnet_quarter"},
            "layers of zfnet_quarter. Received: a zfnet_quarter_without_6_7, which "
            "differs in fc6, fc7",
        ),
        (
            {"variant": "zfnet_quarter_without_3_4_6_7"},
            "differs in conv5, conv3, conv4",
        ),
        (
            {"data": {"input_scale": 1.0}},
            r"scaled by 0.015625, not by 1; add --set data.*=0.015625",
        ),
    ],
)
def test_weights_that_do_not_fit_leave_no_trace(
    changes, message, folder, model_file, tmp_path
):
    config = tiny_config(folder, model={"weights": str(model_file)}, **changes)
    with pytest.raises(UsageError, match=message):
        run_experiment(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(UsageError, match=message):
        dry_run(config)


def test_of_several_workers_only_the_chief_reads(folder, trained):
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

    wanted = trained.model.get_weights()
    config = tiny_config(folder, model={"weights": "/a/path/of/the/chief's.keras"})
    model = build_model(config, 4, "float32")
    told = {str(place): array for place, array in enumerate(wanted)}
    start_from(config, model, trained.class_names, Other(told))
    assert all(map(np.array_equal, model.get_weights(), wanted))
