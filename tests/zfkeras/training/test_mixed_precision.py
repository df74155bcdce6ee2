"""Half precision: what is computed in it, and how loss scaling lives in a run."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers.runs import image_folder, tiny_config
from tests.zfkeras.training.test_step import batch_of, linear_classifier, make_step
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.training.config import OptimizerConfig
from zfkeras.training.loop import Loop
from zfkeras.training.network import build_network
from zfkeras.training.run import Execution, run_experiment
from zfkeras.training.workdir.checkpoints import (
    Checkpoints,
    assign,
    to_arrays,
    variables_of,
)

POLICIES = (None, "float16", "bfloat16")


def small_network(precision, **options):
    config = tiny_config("nowhere", mixed_precision=precision)
    model = dataclasses.replace(config.model, variant="zfnet_quarter_without_6_7")
    config = dataclasses.replace(config, model=model)
    preprocessing = Preprocessing(np.zeros((64, 64, 3), np.float32), 56, 1.0, None)
    strategy = tf.distribute.get_strategy()
    return build_network(config, 2, preprocessing, strategy, **options)


def stripes():
    """Vertical and horizontal stripes, which a convolution tells apart."""
    random = np.random.default_rng(0)
    wave = 2 * np.sin(np.arange(56) * 0.8 + random.uniform(0, 6, (8, 1)))
    images = np.where(
        (np.arange(8) % 2 == 0)[:, None, None], wave[:, None, :], wave[:, :, None]
    )
    images = np.repeat(images[..., None], 3, axis=-1).astype(np.float32)
    return {"image": tf.constant(images), "label": tf.range(8, dtype=tf.int64) % 2}


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("precision", POLICIES)
def test_the_network_learns_in_every_precision(precision, jit_compile):
    network = small_network(precision, jit_compile=jit_compile)
    network.set_rate(0.01)
    size, batch = tf.constant(8.0), stripes()
    losses = [float(network.train_step(batch, size)[0]) for _ in range(30)]
    assert losses[0] > 0.4
    assert losses[-1] < 0.1 * losses[0]
    for variable in network.model.trainable_variables:
        assert variable.dtype == "float32"


@pytest.mark.parametrize("precision", POLICIES)
def test_each_layer_computes_in_the_policys_type_but_the_softmax(precision):
    model = small_network(precision).model
    compute = precision or "float32"
    for layer in model.layers[1:]:
        is_softmax = layer.name == "predictions"
        assert layer.compute_dtype == ("float32" if is_softmax else compute)


@pytest.mark.parametrize("precision", POLICIES)
def test_normalisation_takes_squares_that_no_half_precision_holds(precision):
    # 1000^2 is infinite in float16; the sum of squares reaches 5e6.
    norm = small_network(precision).model.get_layer("norm1")
    found = norm(tf.fill((1, 1, 1, 5), 1000.0))
    # The middle one of five neighbours: a / (2 + 1e-4 * 5 * 1000^2) ^ 0.75.
    expected = 1000 / 502**0.75
    assert found.dtype == norm.compute_dtype
    rounding = {"float16": 2**-11, "bfloat16": 2**-8, None: 1e-6}[precision]
    assert float(found[0, 0, 0, 2]) == pytest.approx(expected, rel=2 * rounding)


def test_an_overflow_skips_the_update_and_halves_the_scale():
    model, batch = linear_classifier(), batch_of()
    step, optimizer = make_step(model, OptimizerConfig(0.3, 0.9, 0.1), "float16")
    size = tf.constant(8.0)
    step(batch, size)
    before = to_arrays(variables_of(model, optimizer))
    assert float(optimizer.dynamic_scale) == 2**15
    # Gradients of 1e36 times the scale are infinite in float32, too.
    step({**batch, "image": batch["image"] * 1e36}, size)
    after = to_arrays(variables_of(model, optimizer))
    assert float(optimizer.dynamic_scale) == 2**14
    changed = {
        name for name, array in after.items() if not np.array_equal(array, before[name])
    }
    own = {v.path for v in (optimizer.dynamic_scale, optimizer.step_counter)}
    names = {
        name: variable.path for name, variable in variables_of(model, optimizer).items()
    }
    assert {names[name] for name in changed} <= own
    step(batch, size)
    assert int(optimizer.iterations) == 2
    assert not np.array_equal(model.get_weights()[0], before["model/000"])


def test_a_checkpoint_holds_the_scale_and_the_steps_since_it_changed():
    model, batch = linear_classifier(), batch_of()
    step, optimizer = make_step(model, OptimizerConfig(0.3), "float16")
    optimizer.dynamic_scale.assign(512.0)
    step(batch, tf.constant(8.0))
    arrays = to_arrays(variables_of(model, optimizer))
    other = linear_classifier()
    _, other_optimizer = make_step(other, OptimizerConfig(0.3), "float16")
    assign(variables_of(other, other_optimizer), arrays)
    assert float(other_optimizer.dynamic_scale) == 512
    assert int(other_optimizer.step_counter) == 1
    assert int(other_optimizer.iterations) == 1


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_a_run_under_xla_that_overflowed_and_died_resumes_to_the_bit(
    precision, tmp_path, monkeypatch
):
    folder = image_folder(tmp_path / "images")
    config = tiny_config(folder, mixed_precision=precision)
    model = dataclasses.replace(config.model, variant="zfnet_quarter_without_6_7")
    config = dataclasses.replace(config, model=model)
    original, scales = Loop._step, []

    def step(self, feed, bar):
        optimizer = self.network.optimizer
        if self.progress.step == 2 and precision == "float16":
            optimizer.dynamic_scale.assign(2.0**40)  # overflows until it has fallen
        if self.progress.step == 7 and dying:
            raise SystemExit
        answer = original(self, feed, bar)
        scales.append(float(getattr(optimizer, "dynamic_scale", 1.0)))
        return answer

    monkeypatch.setattr(Loop, "_step", step)
    execution = Execution(jit_compile=True)
    dying = False
    run_experiment(config, tmp_path / "whole", execution)
    if precision == "float16":
        assert scales[2] == 2.0**39
    dying = True
    with pytest.raises(SystemExit):
        run_experiment(config, tmp_path / "resumed", execution)
    dying = False
    run_experiment(config, tmp_path / "resumed", execution)
    whole, resumed = (
        Checkpoints(tmp_path / name / "checkpoints").load_latest()[0]
        for name in ("whole", "resumed")
    )
    assert whole.keys() == resumed.keys()
    for name in whole:
        assert np.array_equal(whole[name], resumed[name]), name
